"""Line charts: lines, and bands of uncertainty behind them, over places that are equally far from each other.

Lines and bands live in a drawing of their own that is stretched to the plot's width (its units are percent across and
pixels down); words and dots stand outside of it and are not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ebbtide.web.charts.scales import ticks

HEIGHT = 232
"""Of the whole drawing, in pixels."""
_TOP, _FOOT = 20, 24
_BASE = HEIGHT - _FOOT
_EDGE = 3.5
"""Percent of the width in which a label along the foot is turned inwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line to draw.

    Attributes:
        tone: names its colour, as in the style sheet.
        points: place (from 0, in steps) and value (0 or more), from left to right.
        low, high: the ends of its band at the same places; empty for none.
        dashed: for what has not happened.
    """

    tone: str
    points: Sequence[tuple[float, int]]
    low: Sequence[int] = ()
    high: Sequence[int] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A level line or an upright one, with its words: a budget, today."""

    at: float
    label: str
    tone: str = "mute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is said where somebody points: from `x`, `width` wide (percent)."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """A shaded stretch, in percent across: `tone` says why, as the style sheet names it."""

    x: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A line as it is drawn: paths in percent across and pixels down; `band` is empty where there is none."""

    tone: str
    path: str
    band: str
    dashed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words on the drawing: where (percent across, pixels down), and on which side of it they stand."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point that stands out, e.g. what is chosen."""

    x: float
    y: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A line chart as `components/chart_lines.html` draws it.

    Attributes:
        height: of the drawing, in pixels.
        top, base: where the lines' room begins and ends.
        rows: the lines, the hindmost first.
        across: labels along the foot.
        down: labels along the side; each stands upon its grid line.
        levels, uprights: marks.
        dots: points that stand out.
        places: what is said where somebody points.
        shades: stretches of which something is missing.
    """

    height: int
    top: int
    base: int
    rows: tuple[Drawn, ...]
    across: tuple[Words, ...]
    down: tuple[Words, ...]
    levels: tuple[Words, ...] = ()
    uprights: tuple[Words, ...] = ()
    dots: tuple[Dot, ...] = ()
    places: tuple[Place, ...] = ()
    shades: tuple[Shade, ...] = ()

    @property
    def room(self) -> int:
        """Height of the lines' room."""
        return self.base - self.top


def draw_lines(
    rows: Sequence[Row],
    *,
    last: float,
    across: Sequence[tuple[float, str]],
    step: int,
    label: Callable[[int], str],
    levels: Sequence[Mark] = (),
    uprights: Sequence[Mark] = (),
    dots: Sequence[tuple[float, int, str]] = (),
    titles: Sequence[str] = (),
    most: int | None = None,
) -> Lines:
    """Lay out a line chart.

    Args:
        rows: the lines, the hindmost first.
        last: the rightmost place; the leftmost is 0.
        across: labels along the foot: place and words.
        step: between two grid lines, in values.
        label: writes a value of the side.
        levels: level lines, at values.
        uprights: upright lines, at places.
        dots: points that stand out: place, value, tone.
        titles: for whoever points, one for each whole place from 0 on.
        most: the greatest value the side has room for; what goes beyond is cut off. None: whatever there is.
    """
    values = (value for row in rows for value in (*(value for _place, value in row.points), *row.high))
    most = max(values, default=0) if most is None else most
    side = ticks(max([most, *(round(mark.at) for mark in levels)]), step=step)
    whole = last or 1.0

    def x(place: float) -> float:
        return round(place * 100 / whole, 3)

    def y(value: float) -> float:
        return round(_BASE - (_BASE - _TOP) * value / side[-1], 2)

    def path(points: Sequence[tuple[float, int]]) -> str:
        return "M" + "L".join(f"{x(place)} {y(value)}" for place, value in points) if points else ""

    def band(row: Row) -> str:
        if not row.low:
            return ""
        places = [place for place, _value in row.points]
        there = list(zip(places, row.high, strict=True))
        back = list(zip(reversed(places), reversed(row.low), strict=True))
        return path([*there, *back]) + "Z"

    def at(place: float) -> str:
        return "start" if x(place) < _EDGE else "end" if x(place) > 100 - _EDGE else "middle"

    wide = 100 / whole
    return Lines(
        height=HEIGHT,
        top=_TOP,
        base=_BASE,
        rows=tuple(Drawn(tone=row.tone, path=path(row.points), band=band(row), dashed=row.dashed) for row in rows),
        across=tuple(Words(x=x(place), y=HEIGHT - 6, text=text, anchor=at(place)) for place, text in across),
        down=tuple(Words(x=0, y=y(value), text=label(value), anchor="start") for value in side),
        levels=tuple(Words(x=100, y=y(mark.at), text=mark.label, anchor="end", tone=mark.tone) for mark in levels),
        uprights=tuple(
            Words(x=x(mark.at), y=_TOP, text=mark.label, anchor=at(mark.at), tone=mark.tone) for mark in uprights
        ),
        dots=tuple(Dot(x=x(place), y=y(value), tone=tone) for place, value, tone in dots),
        places=tuple(
            Place(
                x=round(max(0.0, x(place) - wide / 2), 3),
                width=round(min(100.0, x(place) + wide / 2) - max(0.0, x(place) - wide / 2), 3),
                title=title,
            )
            for place, title in enumerate(titles)
        ),
    )
