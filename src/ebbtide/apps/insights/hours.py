"""Making the sums that reports read: who is due, and one organization's cells, a bounded batch at a time.

Late is as good as never here: a report reads the rows wherever there are no sums. So a pass may be broken off anywhere
and comes again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog
from django.db import Error

from ebbtide.apps.orgs.database import SWEEP, acting_in, as_platform
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.errors import EbbtideError, InputInvalid

log = structlog.get_logger(__name__)

BATCH = 30_000
"""Segments added up in one transaction, unless one day has more: about 0.1 s of locked cells, of finished days."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SumReport:
    """What a pass came to: cells added up, and who failed with what."""

    cells: int
    failures: list[tuple[int, str]]


def due_organizations(now: datetime) -> list[Organization]:
    """Find out where cells of finished days may lack sums: a day has passed, or cells have changed since the last pass.

    A change that was under way when the last pass began shows no later than the next day.

    Args:
        now: the present moment (UTC).
    """
    with as_platform(using=SWEEP) as cursor:
        # leans on catalog_cellchange's key (org, at, …): from the last pass on
        cursor.execute(
            """
            SELECT o.id, s.upto, s.upto IS NOT NULL AND EXISTS (
                SELECT 1 FROM catalog_cellchange c
                WHERE c.org_id = o.id AND c.at >= s.began_at AND c.data_type = 'insights' AND c.day <= s.upto)
            FROM orgs_organization o LEFT JOIN insights_summing s ON s.org_id = o.id
            """
        )
        passes = {org: (upto, changed) for org, upto, changed in cursor.fetchall()}
        organizations = list(Organization.objects.using(SWEEP).order_by("id"))
    due = []
    for org in organizations:
        upto, changed = passes.get(org.id, (None, False))
        try:
            yesterday = local_day(now, zone=parse_zone(org.zone)) - _DAY
        except InputInvalid as exc:  # a zone that this host's tzdata does not know: no other's sums wait for it
            log.error("summing impossible", org=org.id, reason=exc.message)
            continue
        if changed or upto is None or upto < yesterday:
            due.append(org)
    return due


def sum_up(org: Organization, *, now: datetime, stop: Callable[[], bool]) -> int:
    """Make the sums of one organization's finished days; gives how many cells were added up.

    Args:
        org: the organization.
        now: the present moment (UTC).
        stop: asked before each batch.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    upto = local_day(now, zone=parse_zone(org.zone)) - _DAY
    cells = 0
    for first, last in _batches(_lacking(org.id, upto=upto)):
        if stop():
            return cells
        with acting_in(org.id, using=SWEEP) as cursor:
            cursor.execute("SELECT insights_sum_hours(%s, %s)", [first, last])
            cells += cursor.fetchone()[0]
    with acting_in(org.id, using=SWEEP) as cursor:
        cursor.execute("SELECT insights_note_pass(%s, %s)", [upto, now])
    return cells


def sum_up_due(*, now: datetime, stop: Callable[[], bool]) -> SumReport:
    """Make the sums of every organization that is due; a failing one never stops the next.

    Args:
        now: the present moment (UTC).
        stop: asked before each organization and batch.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    cells = 0
    failures: list[tuple[int, str]] = []
    for org in due_organizations(now):
        if stop():
            break
        try:
            cells += sum_up(org, now=now, stop=stop)
        except EbbtideError as exc:
            log.error("summing failed", org=org.id, error=exc.code, reason=exc.message)
            failures.append((org.id, exc.message))
        except Error as exc:  # a fault in our SQL: this organization's reports read rows, the others' sums are made
            log.error("summing broken", org=org.id, error=type(exc).__name__)
            failures.append(
                (org.id, f"the database refused what Ebbtide asked ({type(exc).__name__}): see the log"),
            )
    return SumReport(cells, failures)


def _lacking(org: int, *, upto: date) -> list[tuple[date, int]]:
    """Give the days on which some cell lacks sums, newest first, with the segments of those cells."""
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute(
            """
            SELECT c.day, sum(c.items)::bigint FROM catalog_cell c LEFT JOIN (
                SELECT h.day, h.queue_id, sum(h.items) AS items FROM insights_hour h
                WHERE h.org_id = %(org)s GROUP BY h.day, h.queue_id) h ON h.day = c.day AND h.queue_id = c.queue_id
            LEFT JOIN (
                SELECT d.day, d.queue_id, sum(d.items) AS items FROM insights_day d
                WHERE d.org_id = %(org)s GROUP BY d.day, d.queue_id) d ON d.day = c.day AND d.queue_id = c.queue_id
            LEFT JOIN (
                SELECT a.day, a.queue_id, sum(a.items) AS items FROM insights_agent a
                WHERE a.org_id = %(org)s GROUP BY a.day, a.queue_id) a ON a.day = c.day AND a.queue_id = c.queue_id
            WHERE c.org_id = %(org)s AND c.data_type = 'insights' AND c.day <= %(upto)s
                AND (c.items IS DISTINCT FROM h.items OR c.items IS DISTINCT FROM d.items
                    OR c.items IS DISTINCT FROM a.items)
            GROUP BY c.day ORDER BY c.day DESC
            """,
            {"org": org, "upto": upto},
        )
        rows: list[tuple[date, int]] = cursor.fetchall()
    return rows


def _batches(days: Sequence[tuple[date, int]]) -> Iterator[tuple[date, date]]:
    """Cut days, newest first, into stretches of so many segments."""
    last: date | None = None
    first, held = date.min, 0
    for day, items in days:
        if last is not None and held + items > BATCH:
            yield first, last
            last, held = None, 0
        last = last or day
        first, held = day, held + items
    if last is not None:
        yield first, last
