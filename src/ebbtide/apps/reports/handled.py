"""What agents handled, read: from their sums where these stand for their cell, from the rows everywhere else.

As in `sums`, which of the two changes nothing but the time it takes. No name stands in the sums: whoever shows an agent
asks for the name by one of the segments the sums were made from, which is there as long as they are.

Every function expects an open transaction in the organization that sees one moment.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.reports.sums import Kept, Stale, Wanted, begin_of, source_of
from ebbtide.domain.measures import Handled
from ebbtide.domain.period import Period

Agent = UUID | None
"""The key of an agent; None for whom nobody knows."""
_FIELDS = ("handled", "outbound", "talks", "talk_s", "hold_s", "wrap_s")
_BY_HOUR = ", ".join(f"r.by_hour[place][{at}] AS {name}" for at, name in enumerate(_FIELDS, start=2))
_PLAIN = ", ".join(f"r.{name}" for name in _FIELDS)
_ONCE = ", ".join(f"sum(r.{name}) AS {name}" for name in _FIELDS)
_SUMMED = ", ".join(f"sum(s.{name})::bigint" for name in _FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What agents handled in a period.

    Attributes:
        by_agent: by agent, over all Qs.
        compared: by agent, over the Qs that are compared.
        by_begin: by local beginning of the interval, over all agents.
        last: by agent, the last day of it.
    """

    by_agent: Mapping[Agent, Handled]
    compared: Mapping[Agent, Handled]
    by_begin: Mapping[datetime, Handled]
    last: Mapping[Agent, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied:
    """Seconds that agents were busy, and from the first contact of a day to the end of its last."""

    by_agent: Mapping[Agent, tuple[Fraction, Fraction]]
    by_begin: Mapping[datetime, tuple[Fraction, Fraction]]


def agent_sums(pepper: bytes) -> Kept:
    """Say where the sums of agents are kept, and what they are made by.

    Args:
        pepper: the organization's secret.
    """
    return Kept(table="insights_agent", made="insights_agents_of({days}, {queues}, {zone}, %(pepper)s)", pepper=pepper)


def add_up_work(
    wanted: Wanted,
    *,
    kept: Kept,
    period: Period,
    unit: str,
    found: Stale,
    compared: Collection[int],
    agent: Agent = None,
    until_hour: int | None = None,
) -> Work:
    """Add up what was handled, by agent and by interval.

    Args:
        wanted: what is added up.
        kept: where the sums of agents are.
        period: over which days.
        unit: of the intervals, as `begin_of` has it.
        found: the cells that are read from rows.
        compared: the Qs that are added up by themselves as well.
        agent: this one alone; None for all.
        until_hour: hours after this one are left out; None for none.
    """
    source, values = source_of(wanted, kept=kept, period=period, found=found)
    only = "AND r.agent = %(agent)s" if agent else ""
    if unit == "hour" or until_hour is not None:
        until = "" if until_hour is None else "WHERE r.by_hour[place][1] <= %(until_hour)s"
        rows = f"""
            SELECT r.agent, r.queue_id, r.day, r.by_hour[place][1]::int AS hour, {_BY_HOUR}
            FROM (SELECT r.agent, r.queue_id, r.day, r.by_hour {source} {only}) r
            CROSS JOIN LATERAL generate_subscripts(r.by_hour, 1) place {until}
        """  # noqa: S608 - pieces written here
    else:
        rows = f"SELECT r.agent, r.queue_id, r.day, {_PLAIN} {source} {only} AND r.handled > 0"
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT agent, is_compared, begin, max(last), {_SUMMED} FROM (
                SELECT r.agent, r.queue_id = ANY (%(compared)s) AS is_compared, {begin_of(unit)} AS begin,
                    max(r.day) AS last, {_ONCE} FROM ({rows}) r GROUP BY 1, 2, 3) s
            GROUP BY GROUPING SETS ((agent, is_compared), (begin))
            """,  # noqa: S608 - pieces written here
            values | {"unit": unit, "compared": list(compared), "agent": agent, "until_hour": until_hour},
        )
        found_rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    by_agent: dict[Agent, Handled] = {}
    both: dict[Agent, Handled] = {}
    by_begin: dict[datetime, Handled] = {}
    last: dict[Agent, date] = {}
    for who, is_compared, begin, day, *sums in found_rows:
        one = Handled(**dict(zip(_FIELDS, sums, strict=True)))
        if begin is not None:
            by_begin[begin] = one
            continue
        by_agent[who] = by_agent.get(who, Handled()) + one
        last[who] = max(day, last.get(who, day))
        if is_compared:
            both[who] = one
    return Work(by_agent=by_agent, compared=both, by_begin=by_begin, last=last)


def occupied(wanted: Wanted, *, kept: Kept, period: Period, unit: str, found: Stale, agent: Agent = None) -> Occupied:
    """Add up how long agents were busy, over the days of which that can be known (docs/measures.md).

    Args:
        wanted: every Q of the organization, and every channel: an agent is busy for whichever it is.
        kept: where the sums of agents are.
        period: days of which nothing is missing.
        unit: of the intervals: day, week or month.
        found: the cells that are read from rows.
        agent: this one alone; None for all.
    """
    source, values = source_of(wanted, kept=kept, period=period, found=found)
    only = "AND r.agent = %(agent)s" if agent else ""
    days = f"""
        SELECT r.agent, r.day, sum(r.talk_s + r.hold_s + r.wrap_s) AS busy,
            extract(epoch FROM max(r.finishes) - min(r.begins)) AS span
        {source} {only} AND r.handled > 0 AND r.agent IS NOT NULL GROUP BY r.agent, r.day
        HAVING bool_and(r.channel = 'voice') AND sum(r.timed) = sum(r.handled) AND sum(r.handled) > 1
            AND sum(r.talk_s + r.hold_s + r.wrap_s) <= extract(epoch FROM max(r.finishes) - min(r.begins))
    """  # noqa: S608 - pieces written here
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT agent, begin, sum(busy), sum(span)
            FROM (SELECT r.agent, {begin_of(unit)} AS begin, r.busy, r.span FROM ({days}) r) s
            GROUP BY GROUPING SETS ((agent), (begin))
            """,  # noqa: S608 - pieces written here
            values | {"unit": unit, "agent": agent},
        )
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return Occupied(
        by_agent={who: (Fraction(busy), Fraction(span)) for who, begin, busy, span in rows if begin is None},
        by_begin={begin: (Fraction(busy), Fraction(span)) for _who, begin, busy, span in rows if begin is not None},
    )


def names_of(
    wanted: Wanted, *, kept: Kept, period: Period, found: Stale, last: Mapping[Agent, date]
) -> dict[UUID, str]:
    """Give the names of agents, each from the row of one segment.

    Args:
        wanted: what was added up.
        kept: where the sums of agents are.
        period: over which days.
        found: the cells that are read from rows.
        last: the agents, each with a day on which it handled something.
    """
    known = {who: day for who, day in last.items() if who is not None}
    if not known:
        return {}
    days = sorted(set(known.values()))
    source, values = source_of(wanted, kept=kept, period=period, found=found.on(days))
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT ON (r.agent) r.agent, r.queue_id, r.sample {source} AND r.day = ANY (%(days)s)
                AND (r.agent, r.day) IN (SELECT * FROM unnest(%(agents)s::uuid[], %(on)s::date[]))
            ORDER BY r.agent
            """,  # noqa: S608 - pieces written here
            values | {"days": days, "agents": list(known), "on": list(known.values())},
        )
        rows: Sequence[tuple[UUID, int, UUID]] = cursor.fetchall()
        samples = {sample: who for who, _queue, sample in rows}
        # the days stand in the statement, so that only their partitions are opened; each of their cells is read once
        cursor.execute(
            "SELECT s.id, s.agent FROM insights_segment s WHERE s.org_id = %(org)s AND s.day = ANY (%(days)s) "
            "AND s.queue_id = ANY (%(queues)s) AND s.id = ANY (%(ids)s)",
            {
                "org": wanted.org,
                "days": days,
                "queues": sorted({queue for _who, queue, _sample in rows}),
                "ids": list(samples),
            },
        )
        return {samples[number]: name for number, name in cursor.fetchall()}
