"""What a call meets: a wait that grows with load, patience that runs out, and a conversation of log-normal length.

The load of an hour compares demand with staff. Who waits, and how long, follows from it; a caller whose patience ends
first abandons. So abandonment rises with load, as it does in real centres, without being drawn as a number of its own.
"""

import polars as pl

from ebbtide.apps.demo.centre import SATURDAY, Centre
from ebbtide.apps.demo.draws import chance, exponential, log_normal, uniform
from ebbtide.apps.demo.tables import HOURS, Tables, look

_ABANDONING = pl.col("live") & ~pl.col("outbound")


def waited(
    calls: pl.DataFrame, *, centre: Centre, tables: Tables, load_of_day: pl.Series, last_leg: bool
) -> pl.DataFrame:
    """Let each call wait in its queue, and draw its outcome from the load of the hour.

    Args:
        calls: at, queue (positions), key, queued_at, interaction, customer, outbound.
        centre: the profile.
        tables: its tables.
        load_of_day: by (day, queue), ordered as the grid of days is.
        last_leg: whether the call may not move on any more.

    Returns:
        The calls with `queue` renamed to `queue_at` and outcome, wait_s, elsewhere (where it would move on to), voice.
    """
    key, queue = pl.col("key"), pl.col("queue_at")
    of = _by_queue(centre, at=queue)
    local = pl.col("queued_at").dt.convert_time_zone(centre.zone)
    place = (queue * 2 + (local.dt.weekday() > SATURDAY).cast(pl.Int64)) * HOURS + local.dt.hour()
    load = look(tables.load, at=place) * look(load_of_day, at=pl.col("at") * len(centre.queues) + queue)
    frame = calls.rename({"queue": "queue_at"}).with_columns(
        load=load,
        live=of["live"].cast(pl.Boolean),
        voice=of["voice"].cast(pl.Boolean),
        minute=local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute(),
        patience=log_normal(key, stream=5, median=of["patience_median_s"], sigma=0.95),
    )
    # Below full load few wait and briefly; the queue builds up steeply once demand passes staff.
    waits = uniform(key, stream=6) < 1 / (1 + ((pl.col("load") - 0.95) * -8.0).exp())
    queueing = exponential(key, stream=7, mean=of["wait_mean_s"] * ((pl.col("load") - 1) * 3.2).exp()) + 5
    ringing = uniform(key, stream=7) * 8 + 1
    # Nobody reads mail between six and eight in the morning of the next day.
    closed = (
        pl.when(pl.col("minute") < 480)
        .then(480 - pl.col("minute"))
        .when(pl.col("minute") >= 1080)
        .then(1920 - pl.col("minute"))
        .otherwise(0)
    )
    in_pile = log_normal(key, stream=8, median=of["wait_mean_s"], sigma=0.8) + closed * 60
    frame = frame.with_columns(
        need=pl.when("outbound").then(ringing).when(~pl.col("live")).then(in_pile)
        .when(waits).then(queueing).otherwise(ringing)
    )  # fmt: skip
    overflow = of["overflow_s"]
    ready, patience = pl.col("need"), pl.col("patience")
    target = _open(
        tables.targets.pick(queue, share=uniform(key, stream=11)), centre=centre, hour=pl.col("minute") // 60
    )
    more = pl.lit(not last_leg)
    free = _ABANDONING & more
    asks = free & pl.col("voice") & (ready > 60) & (patience > 60) & chance(key, stream=9, of=of["callback_share"])
    flows = free & (ready > overflow) & (patience >= overflow) & target.is_not_null()
    leaves = _ABANDONING & (patience < ready)
    outcome = (
        pl.when(asks).then(pl.lit("callback"))
        .when(flows).then(pl.lit("flowed_out"))
        .when(leaves).then(pl.lit("abandoned"))
        .otherwise(pl.lit("answered"))
    )  # fmt: skip
    frame = frame.with_columns(outcome=outcome, elsewhere=target)
    wait = (
        pl.when(pl.col("outcome") == "callback").then(uniform(key, stream=10) * 35 + 25)
        .when(pl.col("outcome") == "abandoned").then(patience)
        .when(pl.col("outcome") == "flowed_out").then(overflow)
        .otherwise(ready)
    )  # fmt: skip
    return frame.with_columns(wait_s=wait.round().cast(pl.Int32))


def _open(target: pl.Expr, *, centre: Centre, hour: pl.Expr) -> pl.Expr:
    """Keep a target only where it is open at the hour: nobody is handed on to a desk that has gone home."""
    of = _by_queue(centre, at=target)
    return pl.when((of["always"] > 0) | ((hour >= of["opens"]) & (hour < of["closes"]))).then(target)


def talked(frame: pl.DataFrame, *, centre: Centre, last_leg: bool) -> pl.DataFrame:
    """Draw the handling times of answered calls and whether they are handed on.

    Args:
        frame: from `waited`.
        centre: the profile.
        last_leg: whether the call may not move on any more.

    Returns:
        The frame with talk_s, hold_s, wrap_s, answered_at, ended_at and target (position of the queue it moves on to).
    """
    key = pl.col("key")
    of = _by_queue(centre, at=pl.col("queue_at"))
    answered = pl.col("outcome") == "answered"
    talk = log_normal(key, stream=12, median=of["talk_median_s"], sigma=of["talk_sigma"]).clip(4, 14_400)
    held = pl.col("voice") & chance(key, stream=14, of=of["hold_share"])
    hold = pl.when(held).then(log_normal(key, stream=15, median=pl.lit(48.0), sigma=0.8).clip(3, 1_800)).otherwise(0.0)
    wrap = log_normal(key, stream=17, median=of["wrap_median_s"], sigma=0.6).clip(1, 1_800)
    hands_on = answered & ~pl.col("outbound") & chance(key, stream=19, of=of["transfer_share"]) & pl.lit(not last_leg)
    frame = frame.with_columns(
        talk_s=pl.when(answered).then(talk.round().cast(pl.Int32)),
        hold_s=pl.when(answered).then(hold.round().cast(pl.Int32)),
        wrap_s=pl.when(answered).then(wrap.round().cast(pl.Int32)),
        target=pl.when(hands_on | (pl.col("outcome") == "flowed_out")).then("elsewhere"),
        released=pl.col("queued_at") + pl.duration(seconds=pl.col("wait_s")),
    )
    spoken = pl.col("talk_s").fill_null(0) + pl.col("hold_s").fill_null(0)
    return frame.with_columns(
        answered_at=pl.when(answered).then("released"),
        ended_at=pl.col("released") + pl.duration(seconds=spoken),
    )


def _by_queue(centre: Centre, *, at: pl.Expr) -> dict[str, pl.Expr]:
    """Make the numbers of the queue profiles available by a column of queue positions."""
    names = [
        "patience_median_s",
        "talk_median_s",
        "talk_sigma",
        "wrap_median_s",
        "wait_mean_s",
        "hold_share",
        "transfer_share",
        "callback_share",
        "overflow_s",
        "always",
        "opens",
        "closes",
    ]
    numbers = {name: [float(getattr(queue, name)) for queue in centre.queues] for name in names}
    numbers["live"] = [float(queue.channel in {"voice", "chat"}) for queue in centre.queues]
    numbers["voice"] = [float(queue.channel == "voice") for queue in centre.queues]
    return {name: look(pl.Series(values), at=at) for name, values in numbers.items()}
