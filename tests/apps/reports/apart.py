"""The figures of a report, worked out apart: with polars, over the rows themselves, after docs/measures.md."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import polars as pl

from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.measures import Sums
from ebbtide.domain.period import Period

Figures = dict[str, object]
_UNITS = {"day": "1d", "week": "1w", "month": "1mo", "hour": "1h"}


def rows_of(org: Organization) -> pl.DataFrame:
    """Every report row of an organization."""
    columns = ["queue_id", "day", "channel", "direction", "queued_at", "answered_at", "ended_at"]
    columns += ["wait_s", "talk_s", "hold_s", "wrap_s", "outcome"]
    moment = pl.Datetime("us", "UTC")
    types: dict[str, pl.DataType | type[pl.DataType]] = dict.fromkeys(columns, pl.Int64)
    types |= dict.fromkeys(["channel", "direction", "outcome"], pl.String) | {"day": pl.Date}
    types |= dict.fromkeys(["queued_at", "answered_at", "ended_at"], moment)
    with acting_in(org.id) as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM insights_segment")  # noqa: S608 - named above
        return pl.DataFrame(cursor.fetchall(), schema=types, orient="row")


def figures(
    rows: pl.DataFrame, *, zone: str, period: Period, targets: Mapping[int, int], unit: str
) -> dict[tuple[int, datetime], Figures]:
    """Work out by Q and interval, row by row and then by polars' own means."""
    entered = pl.coalesce("queued_at", "answered_at", "ended_at").dt.convert_time_zone(zone)
    date = entered.dt.date()
    hour = pl.when(date < pl.col("day")).then(0).when(date > pl.col("day")).then(23).otherwise(entered.dt.hour())
    begin = pl.col("day").cast(pl.Datetime("us"))
    if unit == "hour":
        begin += pl.duration(hours=hour)
    elif unit == "all":
        begin = pl.lit(datetime.combine(period.first, datetime.min.time())).cast(pl.Datetime("us"))
    else:
        begin = begin.dt.truncate(_UNITS[unit])
    rows = rows.filter(pl.col("day").is_between(period.first, period.last) & pl.col("queue_id").is_in(list(targets)))
    rows = rows.with_columns(begin.alias("begin"), hour.alias("hour"))
    found = {}
    for (queue, when), part in rows.group_by("queue_id", "begin"):
        assert isinstance(queue, int)
        assert isinstance(when, datetime)
        found[queue, when] = _figures(part, target=targets[queue])
    return found


def _figures(part: pl.DataFrame, *, target: int) -> Figures:
    offered = part.filter(pl.col("direction").is_null() | (pl.col("direction") != "outbound"))
    by = {name: offered.filter(pl.col("outcome") == name) for name in ("answered", "abandoned")}
    waits, gave_up = by["answered"]["wait_s"].drop_nulls(), by["abandoned"]["wait_s"].drop_nulls()
    handled = by["answered"].filter(pl.col("talk_s").is_not_null())
    seconds = sum(handled[name].fill_null(0).sum() for name in ("talk_s", "hold_s", "wrap_s"))
    in_time = (waits <= target).sum()
    judged = len(waits) + (gave_up > target).sum()
    return {
        "items": len(part),
        "offered": len(offered),
        "answered": len(by["answered"]),
        "abandoned": len(by["abandoned"]),
        "flowed_out": offered.filter(pl.col("outcome") == "flowed_out").height,
        "callbacks": offered.filter(pl.col("outcome") == "callback").height,
        "service_level": Fraction(int(in_time), int(judged)) if judged else None,
        "asa": Fraction(int(waits.sum()), len(waits)) if len(waits) else None,
        "aht": Fraction(int(seconds), len(handled)) if len(handled) else None,
        "abandonment": Fraction(len(by["abandoned"]), len(offered)) if len(offered) else None,
        "longest_s": offered["wait_s"].max(),
    }


def told(sums: Sums) -> Figures:
    """The same of what a report has read."""
    names = ("items", "offered", "answered", "abandoned", "flowed_out", "callbacks")
    names += ("service_level", "asa", "aht", "abandonment", "longest_s")
    return {name: getattr(sums, name) for name in names}
