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
_ONCE = ", ".join(f"sum(r.{name})::bigint AS {name}" for name in _FIELDS)
_AMONG = ", ".join(
    f"sum(r.{name}) FILTER (WHERE r.queue_id = ANY (%(compared)s))::bigint AS among_{name}" for name in _FIELDS
)
_AGAIN = ", ".join(f"sum(d.{name})::bigint" for name in _FIELDS)
_AMONG_AGAIN = ", ".join(f"sum(d.among_{name})::bigint" for name in _FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What agents handled in a period, and how long they were busy.

    Attributes:
        by_agent: by agent, over all Qs.
        compared: by agent, over the Qs that are compared; how long they were busy only where these are all.
        by_begin: by local beginning of the interval, over all agents.
        last: by agent, the last day of it.
    """

    by_agent: Mapping[Agent, Handled]
    compared: Mapping[Agent, Handled]
    by_begin: Mapping[datetime, Handled]
    last: Mapping[Agent, date]


def agent_sums(pepper: bytes) -> Kept:
    """Say where the sums of agents are kept, and what they are made by.

    Args:
        pepper: the organization's secret.
    """
    return Kept(
        table="insights_agent",
        made="insights_agents_of({days}, {queues}, {zone}, %(pepper)s)",
        pepper=pepper,
        by_target=False,
    )


def add_up_work(
    wanted: Wanted,
    *,
    kept: Kept,
    period: Period,
    unit: str,
    found: Stale,
    compared: Collection[int],
    whole: Period | None,
    agent: Agent = None,
    until_hour: int | None = None,
) -> Work:
    """Add up what was handled, by agent and by interval, and how long agents were busy where that can be known.

    Args:
        wanted: what is added up.
        kept: where the sums of agents are.
        period: over which days.
        unit: of the intervals, as `begin_of` has it.
        found: the cells that are read from rows.
        compared: the Qs that are added up by themselves as well.
        whole: the days of which nothing is missing, where every Q and channel is wanted: an agent is busy for whichever
            it is. None where nobody can be told to be busy.
        agent: this one alone; None for all.
        until_hour: hours after this one are left out, and nobody is told to be busy; None for none.
    """
    source, values = source_of(wanted, kept=kept, period=period, found=found)
    source += " AND r.handled > 0" + (" AND r.agent = %(agent)s" if agent else "")
    apart = 0 < len(compared) < len(wanted.targets)
    sums, again = (f"{_ONCE}, {_AMONG}", f"{_AGAIN}, {_AMONG_AGAIN}") if apart else (_ONCE, _AGAIN)
    if unit == "hour" or until_hour is not None:
        days = _by_hour(source, sums=sums, unit=unit, until_hour=until_hour)
    else:
        days = _by_day(source, sums=sums, unit=unit, told=whole is not None)
    values |= {"unit": unit, "compared": list(compared), "agent": agent, "until_hour": until_hour}
    values |= {"whole_first": whole and whole.first, "whole_last": whole and whole.last}
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            f"SELECT d.agent, d.begin, max(d.day), sum(d.busy)::bigint, extract(epoch FROM sum(d.span)), {again} "  # noqa: S608 - pieces written here
            f"FROM ({days}) d GROUP BY GROUPING SETS ((d.agent), (d.begin))",
            values,
        )
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    by_agent: dict[Agent, Handled] = {}
    among: dict[Agent, Handled] = {}
    by_begin: dict[datetime, Handled] = {}
    last: dict[Agent, date] = {}
    for who, begin, day, busy, span, *numbers in rows:
        one = Handled(
            **dict(zip(_FIELDS, numbers, strict=False)), busy_s=Fraction(busy or 0), span_s=Fraction(span or 0)
        )
        if begin is not None:
            by_begin[begin] = one
            continue
        by_agent[who], last[who] = one, day
        if apart and numbers[-1] is not None:
            among[who] = Handled(**dict(zip(_FIELDS, numbers[len(_FIELDS) :], strict=True)))
    return Work(by_agent=by_agent, compared=among if apart or not compared else by_agent, by_begin=by_begin, last=last)


def _by_hour(source: str, *, sums: str, unit: str, until_hour: int | None) -> str:
    """Write what was handled by agent, day and interval, up to an hour of each day; nobody is told to be busy."""
    until = "" if until_hour is None else "WHERE r.by_hour[place][1] <= %(until_hour)s"
    return f"""
        SELECT r.agent, r.day, {begin_of(unit)} AS begin, NULL::bigint AS busy, NULL::interval AS span, {sums}
        FROM (
            SELECT r.agent, r.queue_id, r.day, r.by_hour[place][1]::int AS hour, {_BY_HOUR}
            FROM (SELECT r.agent, r.queue_id, r.day, r.by_hour {source}) r
            CROSS JOIN LATERAL generate_subscripts(r.by_hour, 1) place {until}) r
        GROUP BY 1, 2, 3
    """  # noqa: S608 - pieces written here


def _by_day(source: str, *, sums: str, unit: str, told: bool) -> str:
    """Write what was handled by agent and day, and how long agents were busy (docs/measures.md): of one reading."""
    if not told:
        return f"""
            SELECT r.*, {begin_of(unit)} AS begin, NULL::bigint AS busy, NULL::interval AS span
            FROM (SELECT r.agent, r.day, {sums} {source} GROUP BY r.agent, r.day) r
        """  # noqa: S608 - pieces written here
    return f"""
        SELECT r.*, {begin_of(unit)} AS begin, CASE WHEN k.known THEN r.talk_s + r.hold_s + r.wrap_s END AS busy,
            CASE WHEN k.known THEN r.finishes - r.begins END AS span
        FROM (
            SELECT r.agent, r.day, {sums}, bool_and(r.channel = 'voice') AS voice, sum(r.timed) AS timed,
                min(r.begins) AS begins, max(r.finishes) AS finishes
            {source} GROUP BY r.agent, r.day) r
        CROSS JOIN LATERAL (
            SELECT r.agent IS NOT NULL AND r.day BETWEEN %(whole_first)s AND %(whole_last)s
                AND r.voice AND r.timed = r.handled AND r.handled > 1
                AND make_interval(secs => r.talk_s + r.hold_s + r.wrap_s) <= r.finishes - r.begins AS known) k
    """  # noqa: S608 - pieces written here


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
