"""The retrieval API: what it gives whom, page by page, and what it says where something is wrong, purged or foreign."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponseBase
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation.modes import GenerationMode

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import OWNER, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.retrieval import walking
from ebbtide.apps.retrieval.api import api
from ebbtide.apps.retrieval.asked import Place
from ebbtide.apps.retrieval.describing import description
from ebbtide.apps.runs import planning, services
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token, revoke_token
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from ebbtide.pg.launcher import Urls
from tests.apps.staging import Stage, clone, stage
from tests.cast import calls, centre, load, record

CLOCK = SystemClock()
ALL = "all"
SOUND = b"RIFF\0\0\0\0WAVE" + bytes(range(256)) * 40
WORDS = b'{"turns": [{"text": "hello"}]}'


@dataclass(frozen=True)
class Side:
    """A centre: what is there of it, and its tokens by scope."""

    org: Organization
    today: date
    tokens: dict[str, str]
    numbers: dict[str, int]


def tokens_of(org: Organization) -> tuple[dict[str, str], dict[str, int]]:
    secrets, numbers = {}, {}
    for name, scopes in {"all": set(Scope), **{str(scope): {scope} for scope in Scope}}.items():
        made = make_token(
            org.id, name=name, kind=TokenKind.READ, scopes=scopes, days=1, actor="t", now=CLOCK.now(), rank=Rank()
        )
        secrets[name], numbers[name] = made.secret, made.row.id
    return secrets, numbers


def inhabit(name: str) -> Side:
    """Calls of 40, 3, 2 and 1 days ago, with recordings."""
    org = centre(name)
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    for age in (40, 3, 2, 1):
        for queue in ("Sales", "Support"):
            rows = calls(queue, day=today - timedelta(days=age), count=3)
            for number, row in enumerate(rows):
                row |= {"agent": f"agent {number}", "interaction": f"contact-{age}-{number}"}
            load(org, rows)
            record(org, str(rows[0]["source_key"]), kind=DataType.AUDIO, content=SOUND + name.encode())
            record(org, str(rows[0]["source_key"]), kind=DataType.TRANSCRIPT, content=WORDS)
            record(org, str(rows[1]["source_key"]), kind=DataType.DESKTOP, content=b"\x1aE\xdf\xa3" + name.encode())
    return Side(org, today, *tokens_of(org))


def purge(side: Side) -> None:
    """Purge what is older than 30 days."""
    org = side.org.id
    create_job(org, type=JobType.GLOBAL, what=What.ALL, days=Days(30), queues=frozenset(), actor="test")
    orgs.arm(org, reason="ready", actor="test", now=CLOCK.now())
    chosen = public_id("plan", planning.make_plan(org, as_of=None, now=CLOCK.now()).id)
    planning.confirm_plan(org, plan_id=chosen, actor="test", now=CLOCK.now())
    asked = services.Asked(trigger="manual", local_date=side.today, plan_id=chosen)
    assert services.start_run(org, asked=asked, clock=CLOCK).outcome == "completed"


Pair = tuple[Side, Side, str]
"""Alice's, of which a part is purged; Charlie's; the id of a segment of Alice's that is."""


@pytest.fixture(scope="module")
def staged(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage[Pair]]:
    def build() -> Pair:
        alice = inhabit("Alice's")
        with acting_in(alice.org.id) as cursor:
            cursor.execute("SELECT id FROM insights_segment ORDER BY day, id LIMIT 1")
            purged = str(cursor.fetchone()[0])
        purge(alice)
        return alice, inhabit("Charlie's"), purged

    with stage(server, name=f"api_{os.getpid()}", folder=tmp_path_factory.mktemp("stage"), build=build) as ready:
        yield ready


@pytest.fixture
def database(staged: Stage[Pair], tmp_path: Path) -> Iterator[Urls]:
    with clone(staged, folder=tmp_path) as urls:
        yield urls


@pytest.fixture
def alice(staged: Stage[Pair], database: Urls) -> Side:
    return staged.cast[0]


@pytest.fixture
def charlie(staged: Stage[Pair], database: Urls) -> Side:
    return staged.cast[1]


@pytest.fixture
def purged(staged: Stage[Pair]) -> str:
    return staged.cast[2]


@pytest.fixture
def unsaid(alice: Side, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """What made-up requests need and no description says, by parameter; and as many requests as wanted."""
    monkeypatch.setattr("django.conf.settings.EBBTIDE_API_PER_MINUTE", 1_000_000)
    return {
        "path.recording": walk(alice, "recordings")[0]["id"],
        "path.transcript": walk(alice, "transcripts")[0]["id"],
        "path.segment": walk(alice, "segments")[0]["id"],
        "query.after": Place(alice.today - timedelta(days=60), ()).written(),  # nobody makes up where a page begins
        "query.since": "0001-01-01",  # which pairs of dates are none: every until lies behind this
    }


def get(side: Side, address: str, *, token: str = ALL, **headers: str) -> Any:
    path = address if address.startswith("http") else f"/api/v1/{address}"
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {side.tokens[token]}"})
    return client.get(path.replace("http://localhost", ""), headers=headers)


def walk(side: Side, address: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found, next_page = [], address
    while next_page:
        told = get(side, next_page).json()
        found += told["items"]
        next_page = told["next"]
    return found


def body(answer: HttpResponseBase) -> bytes:
    return b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined,arg-type]


def code(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told["code"]


def test_a_token_says_whose_it_is(alice: Side) -> None:
    answer = get(alice, "", token="segments")
    assert answer.json() == {
        "organization": f"org_{alice.org.id}",
        "name": "Alice's",
        "zone": "Europe/Berlin",
        "token": f"tok_{alice.numbers['segments']}",
        "scopes": ["segments"],
    }
    assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("600", "599")
    assert answer["Cache-Control"] == "private, no-cache"


def test_pages_hold_every_segment_once_and_in_order(alice: Side, charlie: Side) -> None:
    for limit in (1, 5, 100):
        found = walk(alice, f"segments?limit={limit}")
        keys = [(one["day"], one["queue"]["id"], one["id"]) for one in found]
        assert len(found) == 18
        assert keys == sorted(set(keys))
    with acting_in(alice.org.id) as cursor:
        cursor.execute("SELECT id FROM insights_segment")
        assert {one["id"] for one in found} == {str(row[0]) for row in cursor.fetchall()}
    assert not {one["id"] for one in found} & {one["id"] for one in walk(charlie, "segments")}


def test_a_page_that_had_to_look_too_far_says_where_it_came_to(alice: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ROWS_A_PAGE", 1)
    first = get(alice, "segments?agent=nobody&limit=1").json()
    assert first["items"] == []
    assert first["next"]
    assert walk(alice, "segments?agent=nobody&limit=1") == []
    assert len(walk(alice, "segments?agent=agent%201&limit=1")) == 6


def test_filters_narrow_and_all_of_them_count(alice: Side) -> None:
    day = (alice.today - timedelta(days=2)).isoformat()
    found = walk(alice, f"segments?queue=Sales&since={day}&until={day}&agent=agent%201&channel=voice&outcome=answered")
    assert [one["source_key"] for one in found] == [f"call-Sales-{day}-1"]
    one = found[0]
    assert one["queue"]["name"] == "Sales"
    assert one["day"] == day
    assert one["ended_at"].endswith("Z")
    assert len(walk(alice, "segments?queue=Sales&queue=Support")) == 18
    assert len(walk(alice, f"segments?queue={one['queue']['id']}")) == 9
    assert len(walk(alice, "segments?interaction=contact-2-1")) == 2
    assert walk(alice, "segments?outcome=abandoned") == []
    whole = get(alice, f"segments/{one['id']}").json()
    assert [event["kind"] for event in whole["events"]] == ["ivr_entered"]


def test_interactions_hold_their_segments(alice: Side) -> None:
    found = walk(alice, "interactions?limit=2")
    assert len(found) == 9
    assert all(len(one["segments"]) == 2 for one in found)
    assert {segment["queue"]["name"] for segment in found[0]["segments"]} == {"Sales", "Support"}
    only = walk(alice, "interactions?queue=Sales&agent=agent%202")
    assert len(only) == 3
    assert all(len(one["segments"]) == 2 for one in only), "an interaction is given whole"


LISTED = (
    ("recordings", 12), ("recordings?kind=audio", 6), ("recordings?kind=desktop&queue=Sales", 3), ("transcripts", 6),
    ("recordings?agent=agent%200", 6), ("recordings?agent=agent%201&kind=audio", 0),
)  # fmt: skip


def test_recordings_and_transcripts_are_listed(alice: Side) -> None:
    for address, count in LISTED:
        sign = "&" if "?" in address else "?"
        found = walk(alice, f"{address}{sign}limit=4")
        assert len({one["id"] for one in found}) == len(found) == count
        for one in found[:1]:
            assert walk(alice, f"{address}{sign}segment={one['segment']}")[0]["segment"] == one["segment"]


def test_content_is_given_whole_in_parts_and_not_again(alice: Side) -> None:
    one = walk(alice, "recordings?kind=audio")[0]
    whole = SOUND + b"Alice's"
    answer = get(alice, one["content"])
    assert body(answer) == whole
    assert hashlib.sha256(whole).hexdigest() == one["sha256"]
    assert answer["Content-Type"] == "audio/wav"
    assert answer["Content-Disposition"] == f'attachment; filename="{one["id"]}.wav"'
    assert answer["Content-Length"] == str(one["bytes"]) == str(len(whole))
    assert (answer["X-Content-Type-Options"], answer["Accept-Ranges"]) == ("nosniff", "bytes")
    assert "sandbox" in answer["Content-Security-Policy"]
    for asked, first, last in (
        ("0-0", 0, 0),
        ("10-19", 10, 19),
        ("100-", 100, None),
        ("-5", -5, None),
        ("5-99999999", 5, None),
    ):
        part = get(alice, one["content"], range=f"bytes={asked}")
        expected = whole[first:] if last is None else whole[first : last + 1]
        assert (part.status_code, body(part)) == (206, expected), asked
        start = first % len(whole)
        assert part["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(whole)}"
    for ignored in ("bytes=9-2", "bytes=0-1,3-4", "words=0-1", "bytes=-"):
        assert get(alice, one["content"], range=ignored).status_code == 200
    beyond = get(alice, one["content"], range=f"bytes={len(whole)}-")
    assert (code(beyond), beyond["Content-Range"]) == ((416, "range_not_satisfiable"), f"bytes */{len(whole)}")
    assert get(alice, one["content"], **{"if-none-match": answer["ETag"]}).status_code == 304
    assert get(alice, one["content"], range="bytes=0-3", **{"if-range": '"other"'}).status_code == 200
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {alice.tokens['all']}"})
    head = client.head(one["content"].replace("http://localhost", ""))
    assert (head.status_code, head["Content-Length"], body(head)) == (200, str(len(whole)), b"")


def test_transcripts_and_desktop_recordings_are_no_pages(alice: Side) -> None:
    words = get(alice, walk(alice, "transcripts")[0]["content"], token="transcripts")
    assert (body(words), words["Content-Type"]) == (WORDS, "application/json")
    video = get(alice, walk(alice, "recordings?kind=desktop")[0]["content"])
    assert video["Content-Type"] == "video/webm"
    record(alice.org, f"call-Sales-{alice.today - timedelta(days=1)}-2", kind=DataType.DESKTOP, content=b"<html>")
    day = (alice.today - timedelta(days=1)).isoformat()
    page = next(one for one in walk(alice, f"recordings?kind=desktop&since={day}") if one["bytes"] == 6)
    assert get(alice, page["content"])["Content-Type"] == "application/octet-stream"


def test_taking_is_written_down_once_and_listing_is_not(alice: Side, charlie: Side) -> None:
    one = walk(alice, "recordings?kind=audio")[0]
    for asked in ("0-5", "6-10"):
        get(alice, one["content"], range=f"bytes={asked}")
    with acting_in(alice.org.id):
        (line,) = DataAccess.objects.all()
        assert (line.action, line.kind, str(line.segment_id), line.what) == (
            "download",
            "audio",
            one["segment"],
            one["id"],
        )
        assert (line.actor, line.by_token) == (f"all (tok_{alice.numbers['all']})", True)
    with acting_in(charlie.org.id):
        assert not DataAccess.objects.exists()


def test_what_is_purged_is_told_and_what_is_foreign_is_not(alice: Side, charlie: Side, purged: str) -> None:
    told = get(alice, "segments?queue=Sales").json()["retained_since"]
    edge = (alice.today - timedelta(days=39)).isoformat()  # what is purged lies before it
    assert [(one["queue"]["name"], one["insights"], one["audio"]) for one in told] == [("Sales", edge, edge)]
    assert {one["insights"] for one in get(charlie, "segments").json()["retained_since"]} == {None}
    gone = get(alice, f"segments/{purged}")
    assert code(gone) == (410, "gone")
    assert gone.json()["retained_since"] == edge
    theirs, recording = walk(charlie, "segments")[-1], walk(charlie, "recordings")[-1]
    for mine, foreign, missing in (
        ("segments", theirs["id"], "00000000-0000-0000-0000-000000000000"),
        ("segments", purged.replace(purged[0], "0" if purged[0] != "0" else "1"), "0" * 8 + purged[8:]),
        ("recordings", recording["id"], "rec_999999999"),
        ("transcripts", recording["id"], "rec_1x"),
    ):
        said = [get(alice, f"{mine}/{one}") for one in (foreign, missing)]
        assert [code(one) for one in said] == [(404, "not_found")] * 2
        first, second = (
            one.content.decode().replace(name, "X") for one, name in zip(said, (foreign, missing), strict=True)
        )
        assert first == second
    assert code(get(alice, f"{recording['content'].replace('http://localhost/api/v1/', '')}")) == (404, "not_found")
    assert code(get(alice, f"segments?queue={theirs['queue']['id']}")) == (404, "not_found")
    assert code(get(charlie, f"segments/{purged}")) == (404, "not_found")


SCOPES = {
    "segments": ("segments", "interactions"),
    "recordings": ("recordings",),
    "transcripts": ("transcripts",),
}


def test_each_scope_opens_its_own_and_nothing_else(alice: Side) -> None:
    for token in SCOPES:
        for scope, addresses in SCOPES.items():
            for address in addresses:
                answer = get(alice, address, token=token)
                if scope == token:
                    assert answer.status_code == 200
                else:
                    assert code(answer) == (403, "scope_missing")
                    assert scope in answer.json()["detail"]
    one = walk(alice, "recordings")[0]
    assert code(get(alice, one["content"], token="segments")) == (403, "scope_missing")
    assert code(get(alice, one["content"].replace("recordings", "transcripts"))) == (404, "not_found")


WRONG = (
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("since=2026-13-01", "since"),
    ("since=20260101", "since"), ("until=1760000000", "until"), ("since=2026-02-02&until=2026-02-01", "until"),
    ("channel=carrier-pigeon", "channel"), ("outcome=", "outcome"), ("agent=", "agent"), ("agent=%00", "agent"),
    ("quene=Sales", "quene"), ("after=x", "after"), ("after=W10", "after"), ("limit=1&limit=2", "limit"),
    ("after=WyIyMDI2LTAxLTAxIiwxLCJ4Il0", "after"), ("after=WyIyMDI2LTAxLTAxIiwidHdvIiwieCJd", "after"),
)  # fmt: skip


def test_what_cannot_be_understood_is_refused_with_its_name(alice: Side) -> None:
    for query, field in WRONG:
        answer = get(alice, f"segments?{query}")
        assert code(answer) == (422, "input_invalid"), query
        assert answer.json()["field"] == field


def test_every_answer_to_a_program_is_its_own(alice: Side) -> None:
    anybody = Client(headers={"host": "localhost"}, raise_request_exception=False)
    refused = anybody.get("/api/v1/segments")
    assert code(refused) == (401, "token_refused")
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert code(get(alice, "no/such/thing")) == (404, "not_found")
    assert code(anybody.get("/api/v1/segments", headers={"host": "elsewhere.example"}))[0] == 400
    bearer = {"authorization": f"Bearer {alice.tokens['all']}"}
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(anybody, method)("/api/v1/segments", headers=bearer)
        assert code(answer) == (405, "method_not_allowed")
        assert answer["Allow"]
    revoke_token(alice.org.id, token_id=public_id("tok", alice.numbers["all"]), actor="test", now=CLOCK.now())
    assert code(get(alice, "segments")) == (401, "token_refused")
    assert get(alice, "segments", token="segments").status_code == 200


def test_a_fault_of_ours_says_nothing(
    alice: Side, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fall(**_more: object) -> None:
        raise LookupError("secret-host:5432")

    monkeypatch.setattr("ebbtide.apps.catalog.selectors.queues", fall)
    client = Client(
        headers={"host": "localhost", "authorization": f"Bearer {alice.tokens['all']}"}, raise_request_exception=False
    )
    answer = client.get("/api/v1/segments")
    assert code(answer)[0] == 500
    assert "secret-host" not in answer.content.decode()
    caplog.clear()


def test_too_many_requests_are_told_when_to_come_back(alice: Side, settings_per_minute: None) -> None:
    assert [get(alice, "", token="segments").status_code for _ in range(3)] == [200, 200, 429]
    slow = get(alice, "", token="segments")
    assert code(slow) == (429, "too_fast")
    assert int(slow["Retry-After"]) in {29, 30}
    assert slow["RateLimit-Remaining"] == "0"
    assert get(alice, "", token="recordings").status_code == 200


@pytest.fixture
def settings_per_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.EBBTIDE_API_PER_MINUTE", 2)


def test_answers_are_packed_and_not_sent_twice(alice: Side) -> None:
    plain = get(alice, "segments")
    assert get(alice, "segments", **{"if-none-match": plain["ETag"]}).status_code == 304
    packed = get(alice, "segments", **{"accept-encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content)) == plain.json()
    assert len(packed.content) < len(plain.content) / 3
    assert get(alice, "segments", **{"if-none-match": packed["ETag"], "accept-encoding": "gzip"}).status_code == 304
    assert {"Accept-Encoding", "Authorization"} <= {part.strip() for part in packed["Vary"].split(",")}
    load(alice.org, calls("Sales", day=alice.today - timedelta(days=1), count=1, prefix="new"))
    assert get(alice, "segments", **{"if-none-match": plain["ETag"]}).status_code == 200


def test_what_a_run_is_destroying_is_not_given_any_more(alice: Side) -> None:
    one = walk(alice, "recordings")[0]
    with acting_in(alice.org.id, using=OWNER) as cursor:
        cursor.execute("UPDATE media_mediaobject SET claimed_by = 1 WHERE id = %s", [one["id"].removeprefix("rec_")])
    assert code(get(alice, one["content"])) == (404, "not_found")
    assert one["id"] not in {other["id"] for other in walk(alice, "recordings")}


def test_nothing_of_data_management_is_in_it() -> None:
    """The interface for programs gives and takes no jobs, plans, runs or switches: neither addresses nor members."""
    told = description("http://localhost")
    assert {method for methods in told["paths"].values() for method in methods} == {"get"}
    assert {path.split("/")[3] for path in told["paths"]} == {
        "",
        "segments",
        "interactions",
        "recordings",
        "transcripts",
    }
    members = {name for shape in told["components"]["schemas"].values() for name in shape.get("properties", {})}
    members -= {"hold_s"}  # seconds on hold: the telephone's word, not a hold on data
    parameters = {one["name"] for path in told["paths"].values() for one in path["get"].get("parameters", ())}
    for word in ("job", "run", "plan", "hold", "flag", "armed", "switch", "retention", "policy", "user", "member"):
        assert not [name for name in members | parameters if word in name.lower()], word


def test_the_description_is_a_page_and_a_file(database: Urls) -> None:
    anybody = Client(headers={"host": "localhost"})
    page = anybody.get("/api/").content.decode()
    assert "GET /api/v1/segments" in page
    told = anybody.get("/api/openapi.json").json()
    assert told["openapi"].startswith("3.")
    assert told["paths"]["/api/v1/segments"]["get"]["responses"]["401"]["content"].keys() == {
        "application/problem+json"
    }
    assert api.docs_url is None


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "unsound"])
def test_a_few_made_up_requests_are_answered_as_described(
    alice: Side, unsaid: Mapping[str, str], mode: GenerationMode
) -> None:
    """Of each address, the same ones each time (schemathesis); thousands of them are in test_fuzzing.py."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application())
    headers = {"Authorization": f"Bearer {alice.tokens[ALL]}", "Accept-Encoding": "identity"}
    answered = set()
    few = settings(
        max_examples=3, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for found in schema.get_all_operations():
        operation = found.ok()
        known = {
            place: {one.name: unsaid[f"{where}.{one.name}"] for one in taken if f"{where}.{one.name}" in unsaid}
            for place, where, taken in (
                ("path_parameters", "path", operation.path_parameters),
                ("query", "query", operation.query),
            )
            if mode is GenerationMode.POSITIVE
        }

        @few
        @given(case=operation.as_strategy(generation_mode=mode, **known))
        def ask(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(headers=headers)
            answered.add((case.path, answer.status_code))

        ask()
    if mode is GenerationMode.POSITIVE:
        assert {path for path, status in answered if status in {200, 206}} == set(description()["paths"])
    else:
        assert {status for _path, status in answered} >= {401, 404, 422}
