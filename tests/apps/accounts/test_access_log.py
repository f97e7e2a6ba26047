"""The access log: what is written, who may look at it, and that nobody can change it."""

import uuid
from datetime import timedelta

import psycopg
import pytest

from ebbtide.apps.accounts.access_log import ONE_SITTING, Deed, Reader, record, record_sitting
from ebbtide.apps.orgs.database import acting_in
from ebbtide.domain.cell import DataType
from ebbtide.pg.launcher import Urls

from .conftest import CLOCK, Centres, signed_in

CALL, OTHER = uuid.UUID(int=0xCA11), uuid.UUID(int=0x07E5)
ALICE, TOKEN = Reader("alice@example.org"), Reader("=Warehouse", by_token=True)


def address(centres: Centres) -> str:
    return f"/o/org_{centres.alice.id}/people/access-log/"


@pytest.fixture
def logged(centres: Centres) -> Centres:
    """Two lines of Alice's centre, one of yesterday, and one of Charlie's."""
    now = CLOCK.now()
    with acting_in(centres.alice.id):
        org = centres.alice.id
        record(org, reader=ALICE, deed=Deed.LISTEN, kind=DataType.AUDIO, now=now - timedelta(days=1), segment=CALL)
        record(org, reader=TOKEN, deed=Deed.EXPORT, kind=DataType.INSIGHTS, now=now, what="exp_12", items=1234)
    with acting_in(centres.charlie.id):
        record(
            centres.charlie.id, reader=Reader("charlie@example.org"), deed=Deed.READ, kind=DataType.TRANSCRIPT,
            now=now, segment=OTHER,
        )  # fmt: skip
    return centres


def body(path: str) -> str:
    answer = signed_in("alice").get(path)
    assert answer.status_code == 200
    return b"".join(answer).decode()


def test_admins_see_their_own_log_whole_and_narrowed(logged: Centres) -> None:
    page = body(address(logged))
    for words in ("alice@example.org", "Played", str(CALL), "=Warehouse", "Exported", "exp_12", "1,234"):
        assert words in page, words
    assert "charlie@example.org" not in page
    for query, seen, unseen in (
        ("deed=listen", "0000-00000000ca11", "exp_12"),
        ("data_type=insights", "exp_12", "00000000ca11"),
        (f"segment={CALL}", "Played</td>", "exp_12"),
        (f"segment={OTHER}", "No line fits", "charlie@example.org"),
        ("accesses.find=ware", "exp_12", "00000000ca11"),
        ("since=2999-01-01", "No line fits", "exp_12"),
        ("until=1999-01-01&since=0001-01-01", "No line fits", "exp_12"),
        ("since=0001-01-01&until=9999-12-31", "exp_12", "No line fits"),
    ):
        shown = body(f"{address(logged)}?{query}")
        shown = shown[shown.index('id="list-accesses"') :]
        assert seen in shown, query
        assert unseen not in shown, query
    sheet = body(f"{address(logged)}?csv=accesses")
    assert len(sheet.splitlines()) == 3
    assert '"\'=Warehouse","token","export","insights"' in sheet
    assert f'"page","listen","audio","{CALL}"' in sheet


def test_it_is_for_admins_alone_and_says_what_was_wrong_in_a_question(logged: Centres) -> None:
    for name in ("bob", "mona"):  # mona manages users
        assert signed_in(name).get(address(logged)).status_code == 403
    assert "access-log" not in signed_in("mona").get(f"/o/org_{logged.alice.id}/people/").content.decode()
    assert "access-log" in signed_in("alice").get(f"/o/org_{logged.alice.id}/people/").content.decode()
    assert signed_in("charlie").get(address(logged)).status_code == 404
    for query in ("deed=steal", "data_type=blood", "segment=7", "since=yesterday", "accesses.sort=deed"):
        assert signed_in("alice").get(f"{address(logged)}?{query}").status_code == 422, query


def test_a_sitting_is_one_line(centres: Centres) -> None:
    now, org = CLOCK.now(), centres.alice.id
    bob = Reader("bob@example.org")

    def plays(reader: Reader, *, minutes: float, kind: DataType = DataType.AUDIO) -> bool:
        at = now + timedelta(minutes=minutes)
        return record_sitting(org, reader=reader, deed=Deed.LISTEN, kind=kind, now=at, segment=CALL)

    with acting_in(org):
        assert plays(ALICE, minutes=0)
        assert not plays(ALICE, minutes=ONE_SITTING.total_seconds() / 60 - 0.1)
        assert plays(bob, minutes=1)
        assert plays(Reader(ALICE.name, by_token=True), minutes=1)
        assert plays(ALICE, minutes=2, kind=DataType.DESKTOP)
        assert plays(ALICE, minutes=15)


def test_nobody_changes_or_removes_a_line(logged: Centres, database: Urls) -> None:
    for url in (database.web, database.sweep):
        for told in ("DELETE FROM accounts_dataaccess", "UPDATE accounts_dataaccess SET actor = 'nobody'"):
            with psycopg.connect(url) as connection:
                connection.execute("SELECT set_config('ebbtide.org', %s, true)", [str(logged.alice.id)])
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(told.encode())
