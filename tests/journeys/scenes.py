"""Organizations for journeys: alike to the last call, so that one can be disturbed and held against the other."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connections

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.media.services import Incoming, store_recordings
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.services import arm
from ebbtide.apps.policies.services import create_job
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock
from tests import cast

QUEUES = ("Sales", "Support", "Billing")
KEPT_DAYS = 30
FIRST, LAST = 33, 29
"""Days back of the oldest and newest calls; those older than 30 full days are due."""


@dataclass(frozen=True)
class Size:
    """How much each queue has on each day: calls, and how many of them have an audio recording."""

    calls: int
    recorded: int

    @property
    def due(self) -> int:
        """Items of an organization that its job makes due."""
        return (FIRST - KEPT_DAYS) * len(QUEUES) * (self.calls + self.recorded)


FIVE_THOUSAND = Size(calls=400, recorded=160)
"""5,040 items are due, in two batches of objects and one of rows."""


def centre(name: str, *, size: Size, armed: bool = True) -> Organization:
    """A centre with a Global job of 30 days and no share cap, with calls on both sides of the line.

    It lies where it is about noon now: between midnight and its night, yesterday's night is the one that is due.
    """
    now = SystemClock().now()
    org = cast.centre(name, zone=f"Etc/GMT{now.hour - 12:+}")  # the sign is turned round there: +3 lies west
    today = local_day(now, zone=parse_zone(org.zone))
    days = [today - timedelta(days=back) for back in range(FIRST, LAST - 1, -1)]
    rows = [
        row | {"line": line}
        for line, row in enumerate(
            (row for day in days for queue in QUEUES for row in cast.calls(queue, day=day, count=size.calls)), start=2
        )
    ]
    cast.load(org, rows)
    recordings = (
        Incoming(
            segment_id(f"call-{queue}-{day}-{number}", pepper=bytes(org.pepper)),
            DataType.AUDIO,
            lambda told=f"{queue} {day} {number}": [told.encode()],
        )
        for day in days
        for queue in QUEUES
        for number in range(size.recorded)
    )
    store_recordings(org.id, incoming=recordings, store=object_store(), reject=lambda _one, why: _fail(why))
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(KEPT_DAYS), queues=frozenset(), actor="test")
    with acting_in(org.id):
        Organization.objects.filter(id=org.id).update(share_cap_percent=None)
    if armed:
        arm(org.id, reason="test", actor="test", now=SystemClock().now())
    return Organization(id=org.id, name=name, zone=org.zone)


def _fail(why: str) -> None:
    raise AssertionError(why)


@dataclass(frozen=True)
class Picture:
    """All that a run leaves, by names instead of numbers, so that two organizations can be compared."""

    calls: frozenset[tuple[str, date, str]]
    events: int
    objects: Counter[str]
    cells: dict[cast.CellKey, int]
    book: dict[tuple[str, date, str], tuple[int, int]]
    lines: frozenset[tuple[str, str, date]]


def picture(org: Organization, *, failures_allowed: bool = False) -> Picture:
    """Look at rows, objects, counts, book and purged lines themselves; rows and objects must agree."""
    there = cast.everything(org)
    assert there.media == there.objects, "rows and objects disagree"
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT 'que_' || id, name FROM catalog_queue")
        names = dict(cursor.fetchall())
        cursor.execute(
            """
            SELECT q.name, e.day, e.data_type, sum(e.items)::int, sum(e.bytes)::int FROM ledger_entry e
            JOIN catalog_queue q ON q.id = e.queue_id WHERE e.outcome IN ('purged', 'already_gone') GROUP BY 1, 2, 3
            """
        )
        book = {(queue, day, kind): (items, size) for queue, day, kind, items, size in cursor.fetchall()}
        cursor.execute("SELECT count(*) FROM ledger_entry WHERE outcome NOT IN ('purged', 'already_gone')")
        assert failures_allowed or cursor.fetchone() == (0,), "something was kept or failed"
        cursor.execute(
            "SELECT q.name, l.data_type, l.before FROM catalog_purgedline l JOIN catalog_queue q ON q.id = l.queue_id"
        )
        lines = frozenset(cursor.fetchall())
    objects: Counter[str] = Counter()
    for key in there.objects:
        _, queue, day, kind, _ = key.split("/")
        objects[f"{names[queue]}/{day}/{kind}"] += 1
    return Picture(there.segments, there.events, objects, cast.counted(org), book, lines)


def runs_of(org: Organization) -> list[Run]:
    """The organization's runs, oldest first."""
    with acting_in(org.id):
        return list(Run.objects.filter(org_id=org.id).order_by("id"))


def booked(org: Organization) -> int:
    """Items in the book so far."""
    return int(_one(org, "SELECT coalesce(sum(items), 0) FROM ledger_entry"))


def is_live(org: Organization) -> bool:
    """Whether a live run of the organization is open."""
    return bool(_one(org, "SELECT count(*) FROM runs_run WHERE mode = 'live' AND outcome IS NULL"))


def _one(org: Organization, query: str) -> Any:
    with acting_in(org.id) as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def claimed(org: Organization) -> int:
    """Objects that a run has decided to destroy and that are still in the index."""
    return int(_one(org, "SELECT count(*) FROM media_mediaobject WHERE claimed_by IS NOT NULL"))


def recorded_due(org: Organization) -> int:
    """Objects of the open run's plan that are still in the index."""
    return int(
        _one(
            org,
            """
            SELECT count(*) FROM runs_run r JOIN runs_planline l USING (org_id, plan_id) JOIN media_mediaobject m
                ON m.org_id = l.org_id AND m.day = l.day AND m.kind = l.data_type AND m.queue_id = ANY (l.queues)
            WHERE r.outcome IS NULL
            """,
        )
    )


def is_carried() -> bool:
    """Whether some living process holds some run of this test's database; looked up without taking anything."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7102 AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )
        return bool(cursor.fetchone()[0])
