"""Interactions one by one: pages of the list, the search of transcripts, one interaction, the first byte of sound."""

import statistics
import uuid
from datetime import date, timedelta
from http import HTTPStatus

import psycopg
from django.test import Client

from bench.measure import Urls, seconds
from bench.reports import AGENTS_EACH, CLOCK, DAYS, QUEUES_EACH, fill
from bench.retrieval import through_the_server
from ebbtide.apps.media.models import MediaObject
from ebbtide.apps.media.services import Incoming, store_recordings
from ebbtide.apps.media.words import numbers_of
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import add_member, create_user
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.web.listing.address import written_cursor

TURNS = 7
SHARE, WORDS = 10, 350
"""One segment in ten has a transcript; so many different words a cell."""
LIST_MS, SEARCH_MS, BYTE_MS = 150, 500, 50
BACKEND = "django.contrib.auth.backends.ModelBackend"
SOUND = 4 * 1024 * 1024


def settle(urls: Urls, days: list[date]) -> None:
    """Sort each day by organization and Q, as the nights do."""
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        for day in days:
            part = f"insights_segment_{day:%Y%m%d}"
            admin.execute(f"CLUSTER {part} USING {part}_org_id_queue_id_idx".encode())
        admin.execute("VACUUM ANALYZE")


def say(urls: Urls, org: Organization) -> int:
    """Write the words of a tenth of the organization's segments, past triggers; gives how many rows."""
    pepper = bytes(org.pepper)
    everywhere, some, rare = numbers_of(["everywhere", "sometimes", "rarely"], pepper=pepper)
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            """
            INSERT INTO media_wordset (org_id, day, queue_id, items, objects, segments)
            SELECT org_id, day, queue_id, count(*), array_agg(n), array_agg(id) FROM (
                SELECT org_id, day, queue_id, id, row_number() OVER (PARTITION BY day, queue_id) AS n
                FROM insights_segment WHERE org_id = %s) s
            WHERE n %% %s = 1 GROUP BY 1, 2, 3
            """,
            [org.id, SHARE],
        )
        admin.execute(
            """
            INSERT INTO media_words (org_id, day, set_id, number, hits)
            SELECT s.org_id, s.day, s.id, n * 7919 + (random() * 7000)::bigint,
                ARRAY[(random() * (s.items - 1))::smallint]
            FROM media_wordset s CROSS JOIN generate_series(1, %s) n
            """,
            [WORDS],
        )
        for number, one_in in ((everywhere, 1), (some, 20), (rare, 500)):
            admin.execute(
                "INSERT INTO media_words SELECT org_id, day, id, %s, '{0}' FROM media_wordset WHERE id %% %s = 0",
                [number, one_in],
            )
        admin.execute("VACUUM ANALYZE media_wordset, media_words")
        found = admin.execute(
            "SELECT count(*), pg_total_relation_size('media_words') / 1048576 FROM media_words"
        ).fetchone()
    return int(found[0]) if found else 0


def measure(urls: Urls, *, rows: int, share: float) -> list[str]:
    """Time the pages through the whole of Django, as an admin asks for them."""
    org = fill(urls, rows=rows, share=share)
    today = local_day(CLOCK.now(), zone=parse_zone(org.zone))
    settle(urls, [today - timedelta(days=age) for age in range(DAYS, 0, -1)])
    said = say(urls, org)
    user = create_user("bench@example.org", password="not used: signed in by force")  # noqa: S106 - as it says
    add_member(org.id, user=user, is_admin=True)
    client = Client(SERVER_NAME="localhost")
    client.force_login(user, backend=BACKEND)
    base = f"/o/org_{org.id}/interactions/"
    year = f"range=custom&since={today - timedelta(days=DAYS)}&until={today}"

    def took(query: str) -> float:
        answer = client.get(f"{base}?{query}")  # also what warms up
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"{query} answers {answer.status_code}: no figure is worth anything")
        return statistics.median(seconds(lambda: client.get(f"{base}?{query}")) * 1000 for _turn in range(TURNS))

    def deep(age: int) -> str:
        return f"{year}&calls.after={written_cursor([(today - timedelta(days=age)).isoformat(), '', ''])}"

    beside = f"{QUEUES_EACH} Qs, {DAYS} days, settled; {said:,} words of transcripts"
    lines = [f"{_own(urls, org):,} segments of one organization among {rows:,}, {beside}"]
    for name, query, limit in (
        ("list, first page", year, LIST_MS),
        ("list, the page 400 days back", deep(400), LIST_MS),
        ("list, the last days", deep(DAYS - 2), LIST_MS),
        ("list, one agent", f"{year}&agent=agent 3.{AGENTS_EACH // 2}", LIST_MS),
        ("list, a customer who is not there", f"{year}&customer=%2B4912345", LIST_MS),
        ("search, a word said everywhere", f"{year}&text=everywhere", SEARCH_MS),
        ("search, a word of one cell in 20", f"{year}&text=sometimes", SEARCH_MS),
        ("search, a word of one cell in 500", f"{year}&text=rarely", SEARCH_MS),
        ("search, two words", f"{year}&text=everywhere rarely", SEARCH_MS),
        ("search, a word said nowhere", f"{year}&text=nowhere", SEARCH_MS),
    ):
        lines.append(f"{name}: {took(query):.0f} ms (asked: {limit})")
    segment = _recorded(org, today)
    page = statistics.median(seconds(lambda: client.get(f"{base}{segment}/")) * 1000 for _turn in range(TURNS))
    lines.append(f"one interaction with its recordings: {page:.0f} ms (asked: {LIST_MS})")
    with acting_in(org.id):
        number = MediaObject.objects.get(segment_id=segment).id
    path = f"{base}recordings/rec_{number}/"

    def first_byte(part: str) -> float:
        return seconds(lambda: next(iter(client.get(path, headers={"Range": part})))) * 1000

    for name, part in (("from its beginning", "bytes=0-"), ("from its middle", f"bytes={SOUND // 2}-")):
        first = statistics.median(first_byte(part) for _turn in range(TURNS))
        lines.append(f"first byte of a recording, {name}: {first:.0f} ms (asked: {BYTE_MS})")
    return lines + through_the_server(urls, org=org, today=today)


def _recorded(org: Organization, today: date) -> uuid.UUID:
    """Store a recording of a segment of yesterday."""
    day = today - timedelta(days=1)
    with acting_in(org.id) as cursor:
        cursor.execute(
            "SELECT id, queue_id FROM insights_segment WHERE org_id = %s AND day = %s LIMIT 1", [org.id, day]
        )
        segment, queue = cursor.fetchone()
        cursor.execute(
            "INSERT INTO insights_identity (org_id, id, queue_id, day) VALUES (%s, %s, %s, %s)",
            [org.id, segment, queue, day],
        )
    incoming = [Incoming(segment, DataType.AUDIO, lambda: [b"RIFF\0\0\0\0WAVE" + bytes(SOUND)])]
    done = store_recordings(org.id, incoming=incoming, store=object_store(), reject=lambda _one, _why: None)
    if done.imported != 1:
        raise SystemExit(f"the recording was not stored: {done}")
    found: uuid.UUID = segment
    return found


def _own(urls: Urls, org: Organization) -> int:
    with psycopg.connect(urls.superuser) as admin:
        row = admin.execute("SELECT count(*) FROM insights_segment WHERE org_id = %s", [org.id]).fetchone()
    return int(row[0]) if row else 0
