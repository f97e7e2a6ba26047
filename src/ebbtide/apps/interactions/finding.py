"""Finding segments: a walk over the days of a range, newest first or oldest first, that stops when a page is full.

Rows lie by day, and within a settled day by organization and Q, so a page costs what its own days cost, however far
back it is: the cells say which days have rows, and a handful of days is asked at a time. Agents, customers and
durations stand in no index, for they can be personal; where they are rare, a walk looks through `ROWS_A_PAGE` rows
at most and says how far it came. Every function expects an open transaction in the organization.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connections

from ebbtide.apps.interactions.asked import Sought
from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.period import Period

ROWS_A_PAGE = 100_000
"""Rows looked through for one page: a tenth of a second on two cores, where they lie in memory."""
_A_DAY = 400
"""What opening one more day costs, in rows: with few rows a day it is what counts."""
_FIRST_CHUNK = 5_000
_DAYS_AT_ONCE = 150
_DAY = timedelta(days=1)
_START = "coalesce(s.queued_at, s.answered_at, s.ended_at, s.day::timestamp AT TIME ZONE 'UTC')"
_LASTED = "(coalesce(s.wait_s, 0) + coalesce(s.talk_s, 0) + coalesce(s.hold_s, 0))"
Marks = Mapping[date, Sequence[tuple[int, uuid.UUID]]]


@dataclass(frozen=True, slots=True)
class Found:
    """A segment that was found.

    Attributes:
        id: the segment's.
        queue, day: where it lies.
        start: aware instant at which it entered the Q, or the first that is known of it.
        channel, direction, customer, agent, outcome, interaction: as stored; empty where they are not known.
        wait_s, talk_s, hold_s: seconds; None where they are not known.
    """

    id: uuid.UUID
    queue: int
    day: date
    start: datetime
    channel: str
    direction: str
    customer: str
    agent: str
    outcome: str
    interaction: str
    wait_s: int | None
    talk_s: int | None
    hold_s: int | None


@dataclass(frozen=True, slots=True)
class _Day:
    """A day that has rows: how many, and in how many Qs, of those that are wanted."""

    day: date
    items: int
    queues: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk begins: behind a segment, or behind a whole day where `start` is None."""

    day: date
    start: datetime | None
    id: uuid.UUID | None


@dataclass(slots=True)
class Walk:
    """A walk over the days of a range.

    Attributes:
        org: the organization's number.
        wanted: which segments.
        descending: newest first.
        marks: gives, by day, the only segments that may be found, with their Qs; None where all may.
        reached: the last day that was looked through to its end, where the walk stopped before the range did.
        looked: rows looked through, going by the cells, and what it cost to open their days.
    """

    org: int
    wanted: Sought
    descending: bool
    marks: Callable[[Sequence[date]], Marks] | None = None
    reached: date | None = None
    looked: int = 0

    def find(self, *, beyond: Place | None, limit: int, at_most: int | None = ROWS_A_PAGE) -> list[Found]:
        """Find up to so many segments beyond a place.

        Args:
            beyond: where to begin; None at the range's end.
            limit: at most so many.
            at_most: rows to look through; None for all there are.
        """
        found: list[Found] = []
        for days in self._chunks(beyond):
            if at_most is not None and self.looked >= at_most:
                return found
            found += self._ask(days, beyond=beyond, limit=limit - len(found))
            self.reached = days[-1].day
            if len(found) >= limit:
                break
        self.reached = None
        return found

    def _chunks(self, beyond: Place | None) -> Iterator[list[_Day]]:
        """Cut the days that have rows into handfuls of growing size; the first is one day, or a few quiet ones."""
        chunk: list[_Day] = []
        held, size = 0, _FIRST_CHUNK
        for one in self._days(beyond):
            if chunk and held + one.items > size:
                yield chunk
                chunk, held, size = [], 0, size * 2
            chunk.append(one)
            held += one.items
        if chunk:
            yield chunk

    def _days(self, beyond: Place | None) -> Iterator[_Day]:
        period = self.wanted.period
        if beyond is not None:
            period = _beyond(period, beyond, descending=self.descending)
        while period.first <= period.last:
            with connections[WEB].cursor() as cursor:
                # leans on catalog_cell's key (org, day, data_type, queue)
                cursor.execute(
                    f"""
                    SELECT day, sum(items)::bigint, count(*)::integer FROM catalog_cell
                    WHERE org_id = %(org)s AND data_type = 'insights' AND day BETWEEN %(first)s AND %(last)s
                        AND (%(every)s OR queue_id = ANY (%(queues)s))
                    GROUP BY day ORDER BY day {"DESC" if self.descending else "ASC"} LIMIT %(limit)s
                    """,  # noqa: S608 - one of two words
                    {
                        "org": self.org,
                        "first": period.first,
                        "last": period.last,
                        "every": not self.wanted.queues,
                        "queues": sorted(self.wanted.queues),
                        "limit": _DAYS_AT_ONCE,
                    },
                )
                days = [_Day(*row) for row in cursor.fetchall()]
            yield from days
            if len(days) < _DAYS_AT_ONCE:
                return
            period = _beyond(period, Place(days[-1].day, None, None), descending=self.descending)

    def _ask(self, chunk: Sequence[_Day], *, beyond: Place | None, limit: int) -> list[Found]:
        conditions, values = _conditions(self.wanted)
        days = [one.day for one in chunk]
        if self.marks is None:
            self.looked += sum(one.items + _A_DAY for one in chunk)
        else:
            marks = self.marks(days)
            days = [day for day in days if marks.get(day)]
            places = {day: {queue for queue, _id in marks[day]} for day in days}
            # of a marked day the marked Qs alone are read
            self.looked += sum(
                one.items * len(places[one.day]) // one.queues + _A_DAY for one in chunk if one.day in places
            )
            values["marks"] = [number for day in days for _queue, number in marks[day]]
            values["marked"] = sorted({queue for queues in places.values() for queue in queues})
            conditions += ["s.queue_id = ANY (%(marked)s)", "s.id = ANY (%(marks)s::uuid[])"]
        if not days:
            return []
        way, ahead = ("DESC", "<") if self.descending else ("ASC", ">")
        if beyond is not None and beyond.start is not None and beyond.day in days:
            conditions.append(
                f"(s.day <> %(beyond_day)s OR ({_START}, s.id) {ahead} (%(beyond_start)s, %(beyond_id)s::uuid))"
            )
            values |= {"beyond_day": beyond.day, "beyond_start": beyond.start, "beyond_id": beyond.id}
        with connections[WEB].cursor() as cursor:
            # the days stand in the statement, so that only their partitions are planned for; within them it leans on
            # their index insights_segment_by_queue (org, queue)
            cursor.execute(
                f"""
                SELECT s.id, s.queue_id, s.day, {_START}, s.channel, coalesce(s.direction, ''),
                    coalesce(s.customer, ''), coalesce(s.agent, ''), coalesce(s.outcome, ''),
                    coalesce(s.interaction, ''), s.wait_s, s.talk_s, s.hold_s
                FROM insights_segment s
                WHERE s.org_id = %(org)s AND s.day = ANY (%(days)s::date[])
                    {"".join(f" AND {condition}" for condition in conditions)}
                ORDER BY s.day {way}, 4 {way}, s.id {way} LIMIT %(limit)s
                """,  # noqa: S608 - conditions and words written in this file
                values | {"org": self.org, "days": list(days), "limit": limit},
            )
            return [Found(*row) for row in cursor.fetchall()]


def _beyond(period: Period, place: Place, *, descending: bool) -> Period:
    """Leave out of a range what lies before a place; its day stays in where only a part of it does."""
    step = timedelta(0) if place.start is not None else _DAY
    if descending:
        return Period(period.first, min(period.last, place.day - step))
    return Period(max(period.first, place.day + step), period.last)


def _conditions(wanted: Sought) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if wanted.queues:
        conditions.append("s.queue_id = ANY (%(queues)s)")
        values["queues"] = sorted(wanted.queues)
    for name in ("channel", "outcome"):
        if getattr(wanted, name):
            conditions.append(f"s.{name} = %({name})s")
            values[name] = getattr(wanted, name)
    if wanted.agent:
        conditions.append("lower(s.agent) = lower(%(agent)s)")
        values["agent"] = wanted.agent
    if wanted.customer:
        # a number however it is spaced, an e-mail address whatever its case
        conditions.append(
            "CASE WHEN %(mail)s THEN lower(s.customer) = lower(%(customer)s) "
            "ELSE translate(s.customer, ' -/().', '') = translate(%(customer)s, ' -/().', '') END"
        )
        values |= {"customer": wanted.customer, "mail": "@" in wanted.customer}
    if wanted.shortest is not None:
        conditions.append(f"{_LASTED} >= %(shortest)s")
        values["shortest"] = wanted.shortest
    if wanted.longest is not None:
        conditions.append(f"{_LASTED} <= %(longest)s")
        values["longest"] = wanted.longest
    return conditions, values
