"""The timeline of an interaction: a row for each segment, with its waiting, talking, holding and wrapping up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH = 1_000
_ROW, _BAR, _TOP = 34, 18, 8
_LEAST = 2.0
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment's times: aware beginning, and what follows it, by name, in seconds."""

    start: datetime
    parts: tuple[tuple[str, int], ...]

    @property
    def lasts(self) -> int:
        """Seconds in all."""
        return sum(seconds for _name, seconds in self.parts)


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a segment: left edge, upper edge and width, in units of the picture; its name and seconds."""

    x: float
    y: int
    width: float
    name: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The picture.

    Attributes:
        bars: all parts of all rows.
        lines: upper edges of the rows' grounds.
        start, end: aware instants at its left and right.
        height: of the picture; it is `width` wide.
    """

    bars: tuple[Bar, ...]
    lines: tuple[int, ...]
    start: datetime
    end: datetime
    height: int
    width: int = WIDTH
    bar: int = _BAR


def timeline(stretches: Iterable[Stretch]) -> Timeline | None:
    """Draw segments under each other; None where there are none.

    Args:
        stretches: in the order of the rows.
    """
    rows = list(stretches)
    if not rows:
        return None
    start = min(row.start for row in rows)
    end = max(row.start + row.lasts * _SECOND for row in rows)
    whole = max((end - start).total_seconds(), 1.0)
    bars: list[Bar] = []
    for number, row in enumerate(rows):
        at = (row.start - start).total_seconds()
        for name, seconds in row.parts:
            if seconds > 0:
                width = max(_LEAST, seconds / whole * WIDTH)
                x = min(at / whole * WIDTH, WIDTH - width)
                bars.append(Bar(round(x, 2), _TOP + number * _ROW, round(width, 2), name, seconds))
            at += seconds
    lines = tuple(_TOP + number * _ROW for number in range(len(rows)))
    return Timeline(bars=tuple(bars), lines=lines, start=start, end=end, height=_TOP + len(rows) * _ROW)
