"""What changes of the jobs cost or save: the answer beside the job editor, and where the most is to be saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from ebbtide.apps.billing.outlooks import Basis, grouped, periods
from ebbtide.apps.billing.stock import Key
from ebbtide.domain.billing import Money, RateCard, monthly_cost
from ebbtide.domain.calendar import Days, cutoff
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.domain.whatif import (
    STEPS,
    Point,
    Side,
    Treated,
    WhatIf,
    curve,
    exchanged,
    first_night,
    month_costs,
    outlook,
    settled_cost,
)

LEVERS = (Days(30), Days(60), Days(90), Days(180), Days(365), Days(400))
"""Periods beyond which data is priced."""
WORTH = 2
"""A longer period is named as the lever where it saves at least one part in so many of what the shortest saves."""
Changed = tuple[WhatIf, list[Point]]


def what_if(
    basis: Basis, *, before: Sequence[Job], after: Sequence[Job], job: Job, steps: Sequence[Days] = STEPS
) -> Changed:
    """Work out what a change of the jobs does to the cost, as if nights deleted.

    Args:
        basis: what is at rest, with months and prices.
        before: the jobs in force.
        after: as they would be.
        job: the one of them that is changed or new: over its period the curve is drawn.
        steps: periods at which it is drawn.

    Returns:
        The cost before and after, and the points of the curve.
    """
    stock, terms = basis.stock, basis.terms
    now, then = periods(stock, among=before), periods(stock, among=after)
    besides = periods(stock, among=[one for one in after if one.id != job.id])
    reached = [job.takes(kind) and job.reaches(queue) for queue, kind in stock.keys]
    traits = list(zip(now, then, besides, reached, strict=True))
    treated = [
        Treated(stream=stream, now=now[at], after=then[at], besides=besides[at], reached=reached[at])
        for stream, at in grouped(stock, traits=traits)
    ]
    touched = [one for one in treated if one.now != one.after]
    all_now = outlook([(one.stream, one.now) for one in treated], terms=terms)
    all_then = exchanged(
        all_now,
        without=outlook([(one.stream, one.now) for one in touched], terms=terms),
        with_=outlook([(one.stream, one.after) for one in touched], terms=terms),
    )

    def side(costs: list[Money], settled: Money | None) -> Side:
        return Side(running=costs[0], ahead=tuple(costs[1:]), settled=settled)

    card = terms.card
    changed = WhatIf(
        now=side(
            month_costs(all_now, terms=terms), settled_cost([(one.stream, one.now) for one in treated], card=card)
        ),
        after=side(
            month_costs(all_then, terms=terms), settled_cost([(one.stream, one.after) for one in treated], card=card)
        ),
        night=first_night(touched, card=card),
    )
    return changed, curve(treated, terms=terms, steps=steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """Data of a Q that is older than a period, and what it costs.

    Attributes:
        queue: the Q's number.
        what: desktop recordings, or all four types.
        days: the period.
        bytes: older than that.
        oldest: its oldest day.
        monthly: what it costs a month.
    """

    queue: int
    what: Literal["all", "desktop"]
    days: Days
    bytes: int
    oldest: date
    monthly: Money


Found = tuple[int, int, int | None]
"""Of a stream, beyond a period: bytes, billed bytes, ordinal of the oldest day."""


def all_levers(basis: Basis) -> dict[Days, list[Lever]]:
    """Price what every Q has that is older than a period, for each of `LEVERS`; what costs nothing is left out.

    Args:
        basis: what is at rest. What its jobs take by themselves in the next night is no lever.

    Returns:
        By period, the dearest first.
    """
    stock, card = basis.stock, basis.terms.card
    on = stock.next_night
    keeps = [date.min if days is None else cutoff(on, days=days) for days in periods(stock, among=basis.jobs)]
    bounds = pl.DataFrame(
        {
            "stream": range(len(stock.keys)),
            "from": [day.toordinal() for day in keeps],
            "billed": [_billed_before(kind, card=card, on=on) for _queue, kind in stock.keys],
        },
        schema={"stream": pl.Int32, "from": pl.Int32, "billed": pl.Int32},
    )
    oldest_kept = {days: cutoff(on, days=days).toordinal() for days in LEVERS}
    lasting = stock.cells.filter(pl.col("day") < max(oldest_kept.values())).join(bounds, on="stream")
    lasting = lasting.filter(pl.col("day") >= pl.col("from"))
    wanted = []
    for days, first_kept in oldest_kept.items():
        old = pl.col("day") < first_kept
        wanted += [
            pl.col("bytes").filter(old).sum().alias(f"bytes{days}"),
            pl.col("bytes").filter(old & (pl.col("day") < pl.col("billed"))).sum().alias(f"billed{days}"),
            pl.col("day").filter(old).min().alias(f"oldest{days}"),
        ]
    sums = list(lasting.group_by("stream").agg(wanted).iter_rows())
    return {
        days: _priced({stock.keys[row[0]]: row[1 + 3 * place : 4 + 3 * place] for row in sums}, card=card, beyond=days)
        for place, days in enumerate(LEVERS)
    }


def _billed_before(kind: DataType, *, card: RateCard, on: date) -> int:
    before = card.prices[kind].billed_before(on + timedelta(days=1))
    return (on if before is None else before).toordinal()


def _priced(by_key: Mapping[Key, Found], *, card: RateCard, beyond: Days) -> list[Lever]:
    found = []
    for queue in {queue for queue, _kind in by_key}:
        own = {kind: by_key[queue, kind] for kind in DataType if (queue, kind) in by_key}
        own = {kind: one for kind, one in own.items() if one[2] is not None}
        desktop: dict[DataType, Found] = {DataType.DESKTOP: own[DataType.DESKTOP]} if DataType.DESKTOP in own else {}
        choices: list[tuple[Literal["all", "desktop"], dict[DataType, Found]]] = [("desktop", desktop)]
        if len(own) > len(desktop):
            choices.append(("all", own))
        for what, parts in choices:
            money = _sum_of(parts, card=card)
            if money.minor > (_sum_of(desktop, card=card).minor if what == "all" else 0):  # what else costs nothing
                found.append(
                    Lever(
                        queue=queue,
                        what=what,
                        days=beyond,
                        bytes=sum(size for size, _billed, _day in parts.values()),
                        oldest=date.fromordinal(min(day for _size, _billed, day in parts.values() if day is not None)),
                        monthly=money,
                    )
                )
    return sorted(found, key=lambda one: (-one.monthly.minor, one.what == "all", one.queue))


def _sum_of(parts: Mapping[DataType, Found], *, card: RateCard) -> Money:
    minor = sum(
        monthly_cost(billed, price=card.prices[kind], currency=card.currency).minor
        for kind, (_size, billed, _day) in parts.items()
    )
    return Money(card.currency, minor)


def cheapest_lever(found: Mapping[Days, Sequence[Lever]]) -> Lever | None:
    """Name the one step that saves most for what it gives up; None where nothing costs anything.

    Of the dearest Q its desktop recordings (or all its data, where they are less than half of the cost), and of the
    periods the longest that saves at least half of what the shortest would: it gives up the least data for its money.
    """
    shortest = found[LEVERS[0]]
    if not shortest:
        return None
    best = max(shortest, key=lambda one: (one.monthly.minor, one.what == "desktop"))
    desktop = next((one for one in shortest if one.queue == best.queue and one.what == "desktop"), None)
    if desktop is not None and desktop.monthly.minor * WORTH >= best.monthly.minor:
        best = desktop
    chosen = best
    for days in LEVERS[1:]:
        same = next((one for one in found[days] if (one.queue, one.what) == (best.queue, best.what)), None)
        if same is not None and same.monthly.minor * WORTH >= best.monthly.minor:
            chosen = same
    return chosen
