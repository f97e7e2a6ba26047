"""Draw the segments and events of an invented contact centre, day after day.

How a call comes to be: the profile says how many are usual on such a day; season, week and day push that up or down;
the hour is drawn from the day's two humps. What then happens to it is `handling`'s; whoever is handed on makes a second
segment of the same interaction in another queue.

Why frames and not objects: a demo has hundreds of thousands of segments and must stand in seconds. Every number of a
call depends only on seed, day, queue and its place in that day, so chunks may be cut anywhere.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from zlib import crc32

import polars as pl

from ebbtide.apps.demo.centre import SATURDAY, Centre
from ebbtide.apps.demo.draws import chance, choice, keyed, mixed, normal, uniform
from ebbtide.apps.demo.handling import talked, waited
from ebbtide.apps.demo.tables import HOURS, QUANTILES, WEEKDAYS, Tables, look, tables_of

INSTANT = pl.Datetime("us", "UTC")

SEGMENT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "line": pl.Int64,
    "source_key": pl.Utf8,
    "interaction": pl.Utf8,
    "queue": pl.Utf8,
    "channel": pl.Utf8,
    "direction": pl.Utf8,
    "customer": pl.Utf8,
    "agent": pl.Utf8,
    "queued_at": INSTANT,
    "answered_at": INSTANT,
    "ended_at": INSTANT,
    "day": pl.Date,
    "wait_s": pl.Int32,
    "talk_s": pl.Int32,
    "hold_s": pl.Int32,
    "wrap_s": pl.Int32,
    "outcome": pl.Utf8,
    "transfer": pl.Utf8,
    "disposition": pl.Utf8,
    "attributes": pl.Utf8,
    "flags": pl.Utf8,
    "undatable": pl.Utf8,
}
EVENT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {"line": pl.Int64, "at": INSTANT, "kind": pl.Utf8}

ROWS_PER_CHUNK = 50_000
_CALLS_PER_CHUNK = 44_000  # about 1.08 segments per call: one chunk of calls makes one chunk of rows
_LEGS = 3


def generate_days(
    centre: Centre, *, first: date, last: date, segments: int, seed: int
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Draw the segments of a span of local days, and their events.

    Args:
        centre: the profile.
        first: first local day on which interactions arrive.
        last: last local day; segments that would end after it are left out.
        segments: about how many in all, at least 1; busy days get more of them.
        seed: the same seed makes the same centre.

    Yields:
        Pairs of frames with `SEGMENT_COLUMNS` and `EVENT_COLUMNS`, at most `ROWS_PER_CHUNK` segments each, in the order
        in which interactions arrive. `line` runs through all chunks. A call that passes midnight, or an e-mail answered
        next morning, carries the later day. `ended_at` is the end of the conversation; wrap-up comes after it.

    Raises:
        ValueError: the span is empty or `segments` is below 1.
    """
    if last < first or segments < 1:
        msg = (
            f"cannot draw {segments} segments from {first} to {last}: give a first day, a later last day and at least 1"
        )
        raise ValueError(msg)
    tables = tables_of(centre)
    # Two centres drawn from one seed must not be busy in the same minutes.
    seed ^= crc32(centre.name.encode())
    grid = _grid(centre, first=first, last=last, calls=segments / _segments_per_call(centre), seed=seed)
    load_of_day = grid["load"]
    line = 1
    for parts in _chunks(grid):
        calls = _arrivals(parts, centre=centre, tables=tables, first=first, seed=seed)
        legs = []
        for leg in range(1, _LEGS + 1):
            handled = _handled(calls, centre=centre, tables=tables, load_of_day=load_of_day, leg=leg)
            legs.append(handled)
            calls = _handed_on(handled)
        rows = pl.concat(legs).filter(pl.col("day") <= last).sort("queued_at", "source_key")
        for piece in rows.iter_slices(ROWS_PER_CHUNK):
            numbered = piece.with_columns(line=pl.int_range(line, line + piece.height, dtype=pl.Int64))
            line += piece.height
            yield numbered.select(*SEGMENT_COLUMNS), _events(numbered)


def _segments_per_call(centre: Centre) -> float:
    volume = sum(queue.calls_per_weekday for queue in centre.queues)
    extra = 0.0
    for queue in centre.queues:
        alone = all(other is queue or other.channel != queue.channel for other in centre.queues)
        callbacks = 0.16 * queue.callback_share if queue.channel == "voice" else 0.0
        extra += queue.calls_per_weekday * ((0.0 if alone else 0.95 * queue.transfer_share + 0.008) + callbacks)
    return 1 + extra / volume


def _grid(centre: Centre, *, first: date, last: date, calls: float, seed: int) -> pl.DataFrame:
    """Say for each day and queue how many calls arrive and how stretched the staff is, ordered by day, then queue."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    usual, strain = [], []
    for day in days:
        holiday = (day.month, day.day) in centre.closed
        for queue in centre.queues:
            level, season = queue.level(day), queue.season(day)
            usual.append(queue.calls_per_weekday * season * (queue.always if holiday else level))
            # The planners foresee weekday and season, but not in full.
            strain.append(math.sqrt(season) * (level**0.3 if day.weekday() < SATURDAY and not holiday else 1.0))
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    width = len(centre.queues)
    grid = pl.DataFrame({"usual": usual, "strain": strain}).with_columns(at=number // width, queue=number % width)
    # Counted from a fixed day, so that a date keeps its weather whatever span it is drawn in.
    ordinal = pl.col("at") + first.toordinal()
    of_day = keyed(ordinal, pl.col("queue"), seed=seed)
    of_week = keyed((ordinal - 1) // 7, pl.col("queue"), seed=seed)
    noise = (normal(of_day, stream=0) * 0.11 + normal(of_week, stream=0) * 0.07).exp()
    grid = grid.with_columns(mean=pl.col("usual") * noise, load=pl.col("strain") * noise, key=of_day)
    total = float(grid.select(pl.col("mean").sum()).item())
    mean = pl.col("mean") * (calls / total if total else 0.0)
    # A normal draw of the Poisson's spread, rounded by chance: small queues still get their share over many days.
    count = mean + mean.sqrt() * normal(pl.col("key"), stream=1) + uniform(pl.col("key"), stream=2)
    return grid.select("at", "queue", "load", count=count.floor().clip(0).cast(pl.Int64))


def _chunks(grid: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut the grid into runs of about `_CALLS_PER_CHUNK` calls; a queue too busy for one run is cut within its day."""
    parts: list[tuple[int, int, int, int]] = []
    room = _CALLS_PER_CHUNK
    for at, queue, count in grid.select("at", "queue", "count").iter_rows():
        begin = 0
        while begin < count:
            end = min(count, begin + room)
            parts.append((at, queue, begin, end))
            room -= end - begin
            begin = end
            if room == 0:
                yield _frame(parts)
                parts, room = [], _CALLS_PER_CHUNK
    if parts:
        yield _frame(parts)


def _frame(parts: list[tuple[int, int, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(parts, schema=dict.fromkeys(("at", "queue", "begin", "end"), pl.Int64), orient="row")


def _arrivals(parts: pl.DataFrame, *, centre: Centre, tables: Tables, first: date, seed: int) -> pl.DataFrame:
    """Draw when each call of the parts arrives, and who calls."""
    key = pl.col("key")
    local_day = pl.lit(first) + pl.duration(days=pl.col("at"))
    frame = (
        parts.with_columns(number=pl.int_ranges("begin", "end"))
        .explode("number", empty_as_null=False)
        .with_columns(
            key=keyed(pl.col("at") + first.toordinal(), pl.col("queue"), pl.col("number"), seed=seed),
            local_day=local_day,
        )
    )
    weekend = (pl.col("local_day").dt.weekday() > SATURDAY).cast(pl.Int64)
    place = (pl.col("queue") * 2 + weekend) * QUANTILES + choice(key, stream=0, of=QUANTILES)
    # Within the minute to the millisecond; `stream=1` also smooths over the steps of the table.
    millis = (look(tables.minutes, at=place) + uniform(key, stream=1)) * 60_000
    local = pl.col("local_day").cast(pl.Datetime("us")) + pl.duration(milliseconds=millis.cast(pl.Int64))
    number = pl.col("number").cast(pl.Utf8).str.zfill(5)
    day_text = pl.col("local_day").dt.strftime("%Y%m%d")
    voice = pl.Series([queue.channel in {"voice", "sms", "other"} for queue in centre.queues])
    withheld = chance(key, stream=3, of=0.04)
    phones = pl.Series(centre.phones)
    return (
        frame.with_columns(
            # An hour that the clocks skip has no calls; one that comes twice has them the first time.
            queued_at=local.dt.replace_time_zone(
                centre.zone, ambiguous="earliest", non_existent="null"
            ).dt.convert_time_zone("UTC"),
            interaction=pl.concat_str(
                pl.lit(f"{centre.key_prefix}-"),
                day_text,
                pl.lit("-"),
                (pl.col("queue") + 1).cast(pl.Utf8),
                pl.lit("-"),
                number,
            ),
            customer=pl.when(~withheld).then(
                pl.when(look(voice, at=pl.col("queue")))
                .then(look(phones, at=_regular(key, people=len(phones))))
                .otherwise(look(tables.emails, at=_regular(key, people=len(tables.emails))))
            ),
            outbound=pl.lit(value=False),
        )
        .filter(pl.col("queued_at").is_not_null())
        .select("at", "queue", "key", "queued_at", "interaction", "customer", "outbound")
    )


def _regular(key: pl.Expr, *, people: int) -> pl.Expr:
    """Draw a customer by Zipf's law with a flat head (Mandelbrot's): many once, some often, nobody absurdly often."""
    head = 200.0
    rank = ((uniform(key, stream=4) * math.log1p(people / head)).exp() - 1) * head
    return rank.floor().cast(pl.Int64).clip(0, people - 1)


def _handled(calls: pl.DataFrame, *, centre: Centre, tables: Tables, load_of_day: pl.Series, leg: int) -> pl.DataFrame:
    """Let each call wait in its queue and be answered, or not."""
    frame = waited(calls, centre=centre, tables=tables, load_of_day=load_of_day, last_leg=leg == _LEGS)
    frame = talked(frame, centre=centre, last_leg=leg == _LEGS)
    key, queue = pl.col("key"), pl.col("queue_at")
    answered = pl.col("outcome") == "answered"
    begun = pl.col("answered_at").dt.convert_time_zone(centre.zone)
    hour_of_week = (queue * WEEKDAYS + begun.dt.weekday() - 1) * HOURS + begun.dt.hour()
    case = choice(key, stream=23, of=900_000) + 100_000
    opening = look(tables.attributes, at=choice(key, stream=24, of=len(tables.attributes)))
    end = pl.when(chance(key, stream=25, of=0.4)).then(
        pl.concat_str(pl.lit(f',"case":"{centre.key_prefix}'), case.cast(pl.Utf8), pl.lit('"}'))
    )
    names = pl.Series([queue.name for queue in centre.queues])
    return frame.with_columns(
        source_key=pl.concat_str(pl.col("interaction"), pl.lit(f"/{leg}")),
        leg=pl.lit(leg),
        queue=look(names, at=queue),
        channel=look(pl.Series([queue.channel for queue in centre.queues]), at=queue),
        direction=pl.when("outbound").then(pl.lit("outbound")).otherwise(pl.lit("inbound")),
        agent=look(pl.Series(centre.agents), at=tables.agents.pick(hour_of_week, share=uniform(key, stream=20))),
        day=pl.col("ended_at").dt.convert_time_zone(centre.zone).dt.date(),
        transfer=look(names, at=pl.col("target")),
        disposition=pl.when(answered & chance(key, stream=21, of=0.93)).then(
            tables.dispositions.pick(queue, share=uniform(key, stream=22).pow(1.6))
        ),
        attributes=pl.when(chance(key, stream=26, of=0.75)).then(pl.concat_str(opening, end.fill_null("}"))),
        flags=pl.lit(None, dtype=pl.Utf8),
        undatable=pl.lit(None, dtype=pl.Utf8),
    )


def _handed_on(handled: pl.DataFrame) -> pl.DataFrame:
    """Make the next leg of calls that were transferred, flowed out or asked to be called back."""
    back = pl.col("outcome") == "callback"
    pause = pl.when(back).then((uniform(pl.col("key"), stream=30) * 3_000).cast(pl.Int64) + 480).otherwise(2)
    return handled.filter(back | pl.col("target").is_not_null()).select(
        "at",
        pl.coalesce("target", "queue_at").alias("queue"),
        mixed(pl.col("key") + pl.lit(1, dtype=pl.UInt64)).alias("key"),
        (pl.col("ended_at") + pl.duration(seconds=pause)).alias("queued_at"),
        "interaction",
        "customer",
        back.alias("outbound"),
    )


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    """Tell the timeline of a part of the segments: none to four events each."""
    key, talk, hold = pl.col("key"), pl.col("talk_s"), pl.col("hold_s")
    held_from = pl.col("answered_at") + pl.duration(
        seconds=(talk * (uniform(key, stream=40) * 0.6 + 0.2)).cast(pl.Int32)
    )
    greeted = pl.col("queued_at") - pl.duration(seconds=choice(key, stream=41, of=50) + 8)
    transferred = (pl.col("outcome") == "answered") & pl.col("transfer").is_not_null()
    told = chance(key, stream=42, of=0.6)
    timeline = (
        ("ivr_entered", pl.col("voice") & ~pl.col("outbound") & (pl.col("leg") == 1) & told, greeted),
        ("hold_started", hold > 0, held_from),
        ("hold_ended", hold > 0, held_from + pl.duration(seconds=hold)),
        ("transferred", transferred, pl.col("ended_at")),
        ("overflowed", pl.col("outcome") == "flowed_out", pl.col("ended_at")),
        ("callback_requested", pl.col("outcome") == "callback", pl.col("ended_at")),
        ("wrapup_ended", told & ~transferred & (talk > 0), pl.col("ended_at") + pl.duration(seconds=pl.col("wrap_s"))),
    )
    parts = [
        rows.filter(happens).select("line", at.alias("at"), pl.lit(kind).alias("kind"))
        for kind, happens, at in timeline
    ]
    return pl.concat(parts).sort("line", "at").select(*EVENT_COLUMNS)
