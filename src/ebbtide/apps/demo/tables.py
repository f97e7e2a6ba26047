"""What a profile comes to, as flat tables that a polars expression can gather from.

A question like "who takes Claims on a Tuesday at ten" is asked for every call. Answered once per queue, weekday and
hour, and looked up by position, it costs nothing; asked call by call it would be most of the work.
"""

import json
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from ebbtide.apps.demo.centre import MINUTES_PER_DAY, Centre, QueueProfile
from ebbtide.apps.demo.phrases import DISPOSITIONS

QUANTILES = 2048
HOURS = 24
WEEKDAYS = 7


@dataclass(frozen=True)
class Lists:
    """Hold several lists end to end.

    Attributes:
        values: all members.
        start: where each list starts in `values`.
        size: how many members each list has.
    """

    values: pl.Series
    start: pl.Series
    size: pl.Series

    @classmethod
    def of(cls, lists: list[list[int]] | list[list[str]]) -> "Lists":
        """Lay lists end to end.

        Args:
            lists: any number of lists of one kind; empty ones keep their place.

        Returns:
            The table.
        """
        sizes = [len(members) for members in lists]
        flat = [member for members in lists for member in members]
        return cls(
            values=pl.Series(flat or [None], dtype=pl.Int64 if not flat or isinstance(flat[0], int) else pl.Utf8),
            start=pl.Series([0, *accumulate(sizes)][:-1], dtype=pl.Int64),
            size=pl.Series(sizes, dtype=pl.Int64),
        )

    def pick(self, at: pl.Expr, *, share: pl.Expr) -> pl.Expr:
        """Take a member of a list.

        Args:
            at: which list, by position.
            share: where in it, from 0 to below 1.

        Returns:
            The member, or null where the list is empty.
        """
        size = look(self.size, at=at)
        place = look(self.start, at=at) + (share * size).floor().cast(pl.Int64)
        return pl.when(size > 0).then(look(self.values, at=place.clip(0, len(self.values) - 1)))


@dataclass(frozen=True)
class Tables:
    """Hold the tables of one centre; positions are named in each attribute.

    Attributes:
        minutes: local minute of the day, by (queue, weekend?, quantile).
        load: demand against staff, by (queue, weekend?, hour).
        agents: positions of agents on shift, by (queue, weekday, hour).
        targets: queues of the same channel to hand on to, by queue.
        dispositions: by queue.
        attributes: openings of JSON objects.
        emails: addresses of customers.
    """

    minutes: pl.Series
    load: pl.Series
    agents: Lists
    targets: Lists
    dispositions: Lists
    attributes: pl.Series
    emails: pl.Series


def look(table: pl.Series, *, at: pl.Expr) -> pl.Expr:
    """Look values up by position.

    Args:
        table: the values.
        at: positions, an integer expression within the table.

    Returns:
        The values as an expression.
    """
    return pl.lit(table).gather(at)


def tables_of(centre: Centre) -> Tables:
    """Work out the tables of a centre.

    Args:
        centre: its profile.

    Returns:
        The tables; small, a few thousand values each.
    """
    minutes: list[float] = []
    load: list[float] = []
    for queue in centre.queues:
        for weekend in (False, True):
            density = queue.arrivals_by_minute(weekend=weekend)
            minutes += _quantiles(density)
            load += [queue.load * strain for strain in _strain(density)]
    return Tables(
        minutes=pl.Series(minutes, dtype=pl.Float64),
        load=pl.Series(load, dtype=pl.Float64),
        agents=Lists.of(_rota(centre)),
        targets=Lists.of([_targets(queue, centre=centre) for queue in centre.queues]),
        dispositions=Lists.of([list(DISPOSITIONS[queue.topic]) for queue in centre.queues]),
        attributes=pl.Series(_attribute_openings(centre)),
        emails=pl.Series(_emails()),
    )


def _quantiles(density: list[float]) -> list[float]:
    below = 0.0
    minute = 0
    found = []
    for step in range(QUANTILES):
        wanted = (step + 0.5) / QUANTILES
        while minute < MINUTES_PER_DAY - 1 and below + density[minute] < wanted:
            below += density[minute]
            minute += 1
        found.append(float(minute))
    return found


def _strain(density: list[float]) -> list[float]:
    """Set demand against staff by hour: shifts follow the day's shape only in part, so peaks are short of people."""
    demand = [sum(density[hour * 60 : hour * 60 + 60]) for hour in range(HOURS)]
    busy = [share for share in demand if share > 0]
    mean = sum(busy) / len(busy)
    return [share / (0.72 * share + 0.28 * mean) if share > 0 else 1.0 for share in demand]


def _rota(centre: Centre) -> list[list[int]]:
    skills = [centre.skills(agent) for agent in range(len(centre.agents))]
    rota = []
    for queue in range(len(centre.queues)):
        # Where nobody is on shift somebody with the skill stays late; a very small centre has nobody with the skill.
        skilled = [agent for agent, own in enumerate(skills) if queue in own] or list(range(len(skills)))
        for weekday in range(WEEKDAYS):
            for hour in range(HOURS):
                present = [agent for agent in skilled if centre.on_shift(agent, weekday=weekday, hour=hour)]
                rota.append(present or skilled)
    return rota


def _targets(queue: QueueProfile, *, centre: Centre) -> list[int]:
    # An interaction stays on its channel, so a call is never handed on to a mailbox.
    return [
        position
        for position, other in enumerate(centre.queues)
        if other.channel == queue.channel and other.name != queue.name
    ]


def _attribute_openings(centre: Centre) -> list[str]:
    openings = []
    for number in range(96):
        fields: dict[str, object] = {
            "language": "en" if number % 9 == 0 else centre.language,
            "priority": 1 + number % 3,
        }
        if number % 4 == 0:
            fields["returning"] = number % 8 == 0
        if number % 7 == 0:
            fields["survey"] = 5 - number % 5
        openings.append(json.dumps(fields, separators=(",", ":"))[:-1])
    return openings


def _emails() -> list[str]:
    names = (
        "linden",
        "rowan",
        "marlow",
        "sable",
        "wren",
        "ansel",
        "tamsin",
        "birk",
        "odette",
        "caspian",
        "juna",
        "ilse",
    )
    return [f"{names[n % 12]}.{names[n // 12 % 12]}{n}@example.{('com', 'net', 'org')[n % 3]}" for n in range(6000)]
