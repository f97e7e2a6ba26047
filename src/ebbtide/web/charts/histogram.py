"""Histograms: bars side by side, each of two parts, with upright lines drawn through them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ebbtide.web.charts.scales import height, ticks

HEIGHT = 168
"""Of the whole drawing, in pixels."""
_ROW = 16
_BASE = HEIGHT - 22
_GAP = 0.14
"""Share of a bar's place that stays empty."""
_LABEL = 25.0
"""About how much of the width a line's label takes on a telephone, in percent."""
_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """What one bar stands for.

    Attributes:
        lower, upper: the two parts of the bar, one upon the other.
        title: what is said of it when it is pointed at.
    """

    lower: int
    upper: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An upright line.

    Attributes:
        at: where, in bars from the left; need not be whole.
        label: short, stands at its top.
        title: what is said of it when it is pointed at.
    """

    at: float
    label: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar as it is drawn: its place in percent, its parts in pixels; `y` counts from the top."""

    place: float
    place_width: float
    x: float
    width: float
    lower_y: float
    lower_height: float
    upper_y: float
    upper_height: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A line as it is drawn: where, in percent, and its label, which may be empty.

    `anchor` is the side on which the label begins: `start` (to the right of the line) or `end` (to the left).
    """

    x: float
    y: int
    label: str
    label_x: float
    label_y: int
    anchor: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A tick: its place (percent across, pixels down), what it says, and on which side of it that stands."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A histogram as `components/chart_histogram.html` draws it.

    Attributes:
        height: of the drawing, in pixels.
        top, base: where the bars' room begins and ends, in pixels from the top.
        room: its height.
        bars: from left to right; those with nothing are left out.
        rules: the upright lines.
        across: ticks along the foot.
        down: ticks along the side, each with a grid line.
    """

    height: int
    top: int
    base: int
    room: int
    bars: tuple[Bar, ...]
    rules: tuple[Rule, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]


def draw_histogram(
    bins: Sequence[Bin],
    *,
    lines: Sequence[Line],
    across: Sequence[tuple[float, str]],
    step: int,
    label: Callable[[int], str],
) -> Histogram:
    """Lay out a histogram.

    Args:
        bins: from left to right, one or more.
        lines: upright lines, in any order.
        across: ticks along the foot: place in bars, and words.
        step: between two ticks along the side.
        label: writes a value of the side.
    """
    rows = _rows([line.at for line in lines], bins=len(bins))
    top = 8 + _ROW * (1 + max((row for row in rows if row is not None), default=-1))
    side = ticks(max(one.lower + one.upper for one in bins), step=step)
    room = _BASE - top
    return Histogram(
        height=HEIGHT,
        top=top,
        base=_BASE,
        room=room,
        bars=tuple(
            _bar(place, one, count=len(bins), most=side[-1], room=room)
            for place, one in enumerate(bins)
            if one.lower or one.upper
        ),
        rules=tuple(_rule(line, row=row, bins=len(bins)) for line, row in zip(lines, rows, strict=True)),
        across=tuple(_across(place, words, bins=len(bins)) for place, words in across),
        down=tuple(Tick(at=round(_BASE - room * value / side[-1], 2), label=label(value)) for value in side),
    )


def _bar(place: int, one: Bin, *, count: int, most: int, room: int) -> Bar:
    each = 100 / count
    lower = height(one.lower, most=most, pixels=room)
    upper = height(one.upper, most=most, pixels=room)
    return Bar(
        place=round(place * each, 3),
        place_width=round(each, 3),
        x=round((place + _GAP / 2) * each, 3),
        width=round(each * (1 - _GAP), 3),
        lower_y=round(_BASE - lower, 2),
        lower_height=lower,
        upper_y=round(_BASE - lower - upper, 2),
        upper_height=upper,
        title=one.title,
    )


def _rows(places: Sequence[float], *, bins: int) -> list[int | None]:
    """Give each line's label a row in which it covers no other one; None where there is no room for it."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_ROWS)]
    found: dict[int, int] = {}
    for index in sorted(range(len(places)), key=lambda one: places[one]):
        begins, ends = _span(round(places[index] * 100 / bins, 3))
        for row, there in enumerate(taken):
            if all(ends <= first or begins >= last for first, last in there):
                there.append((begins, ends))
                found[index] = row
                break
    return [found.get(index) for index in range(len(places))]


def _span(x: float) -> tuple[float, float]:
    return (x, x + _LABEL) if x + _LABEL <= 100 else (x - _LABEL, x)


def _rule(line: Line, *, row: int | None, bins: int) -> Rule:
    x = round(line.at * 100 / bins, 3)
    begins, _ends = _span(x)
    return Rule(
        x=x,
        y=4 + _ROW * (row or 0),
        label="" if row is None else line.label,
        label_x=x,
        label_y=15 + _ROW * (row or 0),
        anchor="start" if begins == x else "end",
        title=line.title,
    )


def _across(place: float, words: str, *, bins: int) -> Tick:
    at = round(place * 100 / bins, 3)
    anchor = "start" if at < 4 else "end" if at > 96 else "middle"
    return Tick(at=at, label=words, anchor=anchor)
