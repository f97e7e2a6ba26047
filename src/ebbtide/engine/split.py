"""How a large run is split, so that several workers carry it together.

A stretch is some neighbouring days of a plan. Its objects are shared out in slices, its rows go in one piece once they
are gone. Because a plan never changes, every worker that reads it finds the same stretches, and nothing has to be
handed out: whoever holds the lock of a part works at it, and a part whose worker died is free at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

OBJECT_WEIGHS = 20
"""An object takes as long as so many rows, roughly (measured on local PostgreSQL and S3)."""
STRETCH = 100_000
"""Weight of a stretch, in rows: below it sharing costs more than it saves."""
MOST_STRETCHES = 64
"""Of a plan so large that it would have more, the stretches are larger."""
MOST_SLICES = 16


@dataclass(frozen=True, slots=True)
class DayWork:
    """What a plan names of one day: report rows, and objects of all types."""

    day: date
    rows: int
    objects: int

    @property
    def weight(self) -> int:
        """How much work it is, in rows."""
        return self.rows + self.objects * OBJECT_WEIGHS


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """What one worker takes at a time: the objects of a slice of a stretch, or (slice None) its rows.

    Attributes:
        first, last: the stretch's days, both included.
        slice: which slice of the objects: those whose number leaves it over when divided by `slices`.
        slices: how many slices there are.
    """

    first: date
    last: date
    slice: int | None
    slices: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring days of a plan."""

    first: date
    last: date
    slices: int

    @property
    def objects(self) -> Iterator[Part]:
        """The parts that are objects."""
        return (Part(self.first, self.last, number, self.slices) for number in range(self.slices))

    @property
    def rows(self) -> Part:
        """The part that is rows."""
        return Part(self.first, self.last, None, self.slices)


def stretches(work: Sequence[DayWork], *, weight: int = STRETCH) -> list[Stretch]:
    """Split a plan, oldest day first; a day's rows are never split.

    Args:
        work: its days, in order.
        weight: of a stretch, in rows, at least.
    """
    size = max(1, weight, sum(one.weight for one in work) // MOST_STRETCHES)
    return [_stretch(days, size=size) for days in _runs(work, size=size)]


def _runs(work: Iterable[DayWork], *, size: int) -> Iterator[list[DayWork]]:
    days: list[DayWork] = []
    weight = 0
    for one in work:
        if days and weight + one.weight > size:
            yield days
            days, weight = [], 0
        days.append(one)
        weight += one.weight
    if days:
        yield days


def _stretch(days: Sequence[DayWork], *, size: int) -> Stretch:
    objects = sum(one.objects for one in days)
    slices = min(MOST_SLICES, -(-objects * OBJECT_WEIGHS // size))
    return Stretch(days[0].day, days[-1].day, slices)
