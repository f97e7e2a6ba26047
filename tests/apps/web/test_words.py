"""Searching what was said: found by its words, of one's own organization, and gone with the transcripts."""

import json
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from django.db import connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.interactions import indexing
from ebbtide.apps.interactions.indexing import index
from ebbtide.apps.media import words
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.media.words import due_organizations, index_words, numbers_of, words_of
from ebbtide.apps.orgs.database import OWNER, SWEEP, WEB, acting_in
from ebbtide.apps.orgs.models import Organization, Permission
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import StoreUnreachable
from ebbtide.pg.launcher import Urls
from ebbtide.web.context.interactions import InteractionsPage
from tests.apps.reports.purging import purge
from tests.cast import calls, centre, load, record

from .conftest import BOOKKEEPING, days_ago, job_for, person, signed_in

SAID = ("The roof leaks badly.", "Mein Dach, Größe 12, café", "The ROOF is fine", "Nothing at all")


def key(day: date, number: int) -> str:
    return f"call-Sales-{day}-{number}"


def tell(org: Organization, day: date, number: int, text: str) -> None:
    whole = {"turns": [{"speaker": "agent", "start_ms": 0, "end_ms": 9, "text": text}]}
    record(org, key(day, number), kind=DataType.TRANSCRIPT, content=json.dumps(whole).encode() + b" " * number)


def fill(org: Organization) -> None:
    for age in (2, 40):
        day = days_ago(org, age)
        load(org, calls("Sales", day=day, count=len(SAID)))
        for number, text in enumerate(SAID):
            tell(org, day, number, text)


class Losing:
    """A store that does not give one object."""

    def __init__(self, lost: str) -> None:
        self.lost = lost

    def get(self, key: str) -> Iterator[bytes]:
        if key == self.lost:
            raise StoreUnreachable("not there")
        return object_store().get(key)


def first_of(org: Organization) -> str:
    with acting_in(org.id):
        return MediaObject.objects.order_by("id")[0].key


def indexed(org: Organization) -> int:
    return index_words(org, store=object_store(), stop=lambda: False)


@pytest.fixture
def alice(database: object) -> Organization:
    org = centre("Alice's")
    fill(org)
    person("alice@example.org", org=org, admin=True)
    person("bob.reads@example.org", org=org, may=Permission.INSIGHTS_VIEW)
    return org


@pytest.fixture
def charlie(database: object) -> Organization:
    org = centre("Charlie's")
    fill(org)
    person("charlie@example.org", org=org, admin=True)
    return org


@pytest.fixture
def client(alice: Organization, charlie: Organization) -> Client:
    return signed_in("alice")


def search(client: Client, org: Organization, text: str) -> InteractionsPage:
    since, until = days_ago(org, 60), days_ago(org, 0)
    path = f"/o/org_{org.id}/interactions/"
    answer = client.get(path, {"range": "custom", "since": since, "until": until, "text": text})
    assert answer.status_code == 200
    page: InteractionsPage = answer.context["page"]
    return page


def hits(client: Client, org: Organization, text: str) -> set[tuple[int, int]]:
    """What is found, as (age, number)."""
    named = {
        segment_id(key(days_ago(org, age), number), pepper=bytes(org.pepper)): (age, number)
        for age in (2, 40)
        for number in range(len(SAID))
    }
    return {named[row.id] for row in search(client, org, text).lines.rows}


def test_what_was_said_is_found(client: Client, alice: Organization, charlie: Organization) -> None:
    assert hits(client, alice, "roof") == set()
    assert search(client, alice, "roof").waiting == 8
    assert indexed(alice) == 8
    assert indexed(alice) == 0
    assert search(client, alice, "roof").waiting == 0
    for text, found in (
        ("roof", {0, 2}), ("Roof LEAKS", {0}), ("groesse", set()), ("grosse", {1}), ("GRÖSSE cafe", {1}), ("12", {1}),
        ("roo", set()), ("roof café", set()), ("the", {0, 2}), ("?!", set()),
    ):  # fmt: skip
        assert hits(client, alice, text) == {(age, number) for age in (2, 40) for number in found}, text
    assert search(signed_in("charlie"), charlie, "roof").lines.rows == ()  # not indexed yet, and nobody else's
    assert signed_in("bob.reads").get(f"/o/org_{alice.id}/interactions/?text=roof").status_code == 403


def test_words_go_with_their_transcripts_and_what_comes_is_added(
    client: Client, alice: Organization, charlie: Organization
) -> None:
    """Everything older than 30 days goes of Alice's; Charlie's stays."""
    assert indexed(alice) == indexed(charlie) == 8
    job_for(alice, 30)
    purge(alice)
    assert hits(client, alice, "roof") == {(2, 0), (2, 2)}
    assert hits(signed_in("charlie"), charlie, "roof") == {(age, number) for age in (2, 40) for number in (0, 2)}
    for org, days in ((alice, 1), (charlie, 2)):
        with acting_in(org.id) as cursor:
            for table in ("media_wordset", "media_words"):
                cursor.execute(f"SELECT count(DISTINCT day) FROM {table}")  # noqa: S608 - one of two words
                assert cursor.fetchone()[0] == days
    tell(alice, days_ago(alice, 2), 3, "a late roof")
    assert search(client, alice, "roof").waiting == 1
    assert indexed(alice) == 1
    assert hits(client, alice, "roof") == {(2, 0), (2, 2), (2, 3)}


def test_a_cell_that_loses_one_transcript_loses_its_words_and_gets_those_of_the_others(
    client: Client, alice: Organization
) -> None:
    indexed(alice)
    day, gone = days_ago(alice, 2), segment_id(key(days_ago(alice, 2), 0), pepper=bytes(alice.pepper))
    with acting_in(alice.id, using=OWNER) as cursor:
        cursor.execute("DELETE FROM media_mediaobject WHERE segment_id = %s", [gone])
        cursor.execute("SELECT count(*) FROM media_wordset WHERE day = %s", [day])
        assert cursor.fetchone()[0] == 0
    assert hits(client, alice, "roof") == {(40, 0), (40, 2)}
    assert indexed(alice) == len(SAID) - 1
    assert hits(client, alice, "roof") == {(2, 2), (40, 0), (40, 2)}


def test_many_handfuls_become_one(client: Client, alice: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_SETS", 2)
    assert indexed(alice) == 8
    for number in range(3):
        tell(alice, days_ago(alice, 2), number, f"roof {number}")
        indexed(alice)
    with acting_in(alice.id) as cursor:
        cursor.execute("SELECT count(*), sum(items) FROM media_wordset WHERE day = %s", [days_ago(alice, 2)])
        assert cursor.fetchone() == (2, 7)  # two, then all in one, then one more
    assert hits(client, alice, "roof") == {(2, 0), (2, 1), (2, 2), (40, 0), (40, 2)}


def test_a_transcript_that_went_meanwhile_is_not_indexed(alice: Organization) -> None:
    """Read, then purged, then written down: its words stay out."""
    day = days_ago(alice, 40)
    missing = words._missing(alice.id, day=day, queue=_queue(alice), every=False)
    job_for(alice, 30)
    purge(alice)
    read = [(one, {"roof"}) for one in missing]
    assert words._add(alice, day=day, queue=_queue(alice), read=read, anew=False) == 0
    with acting_in(alice.id, using=SWEEP) as cursor:
        cursor.execute("SELECT count(*) FROM media_words WHERE day = %s", [day])
        assert cursor.fetchone()[0] == 0


def _queue(org: Organization) -> int:
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT id FROM catalog_queue")
        found: int = cursor.fetchone()[0]
    return found


def test_what_the_store_does_not_give_waits_for_the_next_pass(alice: Organization) -> None:
    missing = Losing(first_of(alice))
    assert index_words(alice, store=missing, stop=lambda: False) == 7
    assert indexed(alice) == 1
    assert index_words(alice, store=missing, stop=lambda: True) == 0


def a_pass() -> int:
    done = index(stop=lambda: False)
    assert done.failures == []
    return done.transcripts


def test_only_where_something_changed_is_looked_at(alice: Organization, charlie: Organization) -> None:
    for number in range(10):
        centre(f"Nothing is said {number}")
    assert due_organizations() == [alice, charlie]
    assert a_pass() == 16
    with CaptureQueriesContext(connections[SWEEP]) as captured:
        assert a_pass() == 0
    assert len([one for one in captured.captured_queries if not one["sql"].startswith(BOOKKEEPING)]) == 1
    tell(charlie, days_ago(charlie, 2), 3, "a late roof")
    assert due_organizations() == [charlie]
    assert a_pass() == 1
    assert due_organizations() == []
    job_for(alice, 30)
    purge(alice)
    assert due_organizations() == []  # whole cells went; nothing came


def test_what_a_pass_was_kept_from_comes_again(
    alice: Organization, charlie: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert index(stop=lambda: True).transcripts == 0
    assert due_organizations() == [alice, charlie]
    with monkeypatch.context() as patched:
        patched.setattr(indexing, "object_store", lambda: Losing(first_of(alice)))
        assert a_pass() == 15
        assert due_organizations() == [alice]
        assert a_pass() == 0
    assert due_organizations() == [alice]
    assert a_pass() == 1
    with acting_in(alice.id, using=OWNER) as cursor:  # what is left of a cell is indexed anew
        cursor.execute("DELETE FROM media_mediaobject WHERE key = %s", [first_of(alice)])
    assert due_organizations() == [alice]
    assert a_pass() == 3
    assert due_organizations() == []


def test_one_organization_asked_for_by_name_is_mended(
    client: Client, alice: Organization, charlie: Organization, database: Urls
) -> None:
    """Faults that only somebody past the product can make: in Alice's alone, and Charlie's are left as they were."""
    assert a_pass() == 16
    with psycopg.connect(database.superuser, autocommit=True) as admin:
        for fault in (
            "UPDATE media_wordset SET segments[1] = gen_random_uuid()",
            "UPDATE media_wordset SET day = day - 1000",
            "UPDATE media_wordset SET objects[1] = 0",
            "DELETE FROM media_wordset",
        ):
            kept = numbers(admin, charlie)
            admin.execute(f"{fault} WHERE org_id = {alice.id}".encode())
            assert index([alice], stop=lambda: False).failures == []
            assert hits(client, alice, "roof") == {(2, 0), (2, 2), (40, 0), (40, 2)}, fault
            assert numbers(admin, charlie) == kept
            orphans = "SELECT count(*) FROM media_words WHERE set_id NOT IN (SELECT id FROM media_wordset)"
            assert admin.execute(orphans).fetchone() == (0,)


def numbers(admin: psycopg.Connection, org: Organization) -> list[tuple[object, ...]]:
    rows = "SELECT s.*, w.number, w.hits FROM media_wordset s JOIN media_words w ON w.set_id = s.id"
    return admin.execute(f"{rows} WHERE s.org_id = {org.id} ORDER BY s.id, w.number".encode()).fetchall()


def test_a_change_that_a_pass_does_not_see_is_not_forgotten(alice: Organization, charlie: Organization) -> None:
    """Its cell was noted before, is indexed, and its note just being taken."""
    with transaction.atomic(using=SWEEP):
        words._index(alice, store=object_store(), stop=lambda: False)
    with transaction.atomic(using=WEB):
        tell(alice, days_ago(alice, 2), 3, "a late roof")
        assert indexed(alice) == 0
        assert charlie in due_organizations()
        assert alice not in due_organizations()
    assert due_organizations() == [alice, charlie]
    assert indexed(alice) == 1
    assert due_organizations() == [charlie]


def test_numbers_say_nothing_without_the_secret() -> None:
    assert words_of("Ｆｕｌｌ Straße, e\u0301t\u00e9 x_1") == {"full", "strasse", "ete", "x_1"}  # noqa: RUF001
    one, two = (numbers_of(["roof"], pepper=bytes([n]) * 32) for n in (1, 2))
    assert one != two
    assert -(2**63) <= one[0] < 2**63
