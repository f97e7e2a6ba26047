"""A week of hours, shaded by how much each holds: a row a weekday, Monday on top, a column an hour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ebbtide.web.heatmap import HeatStep, steps_of

PITCH, SIDE = 26, 24
"""Distance from one hour to the next, and the side of its square, in pixels."""
LEFT, TOP = 40, 18
_HOURS, _WEEKDAYS = 24, 7
WIDTH, HEIGHT = LEFT + _HOURS * PITCH, TOP + _WEEKDAYS * PITCH


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCell:
    """An hour of a weekday: its place in pixels, its shade (1 to 5), what is said of it."""

    x: int
    y: int
    shade: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The week as `components/chart_hours.html` draws it.

    Attributes:
        cells: hours with something in them.
        ground: the SVG path of the others.
        steps: the shades in use, faintest first.
        rows: names of weekdays: how far down they stand, and the words.
        heads: the hours named, and how far across they stand.
        side: of a square, in pixels.
        width, height: of the drawing.
    """

    cells: tuple[HourCell, ...]
    ground: str
    steps: tuple[HeatStep, ...]
    rows: tuple[tuple[int, str], ...]
    heads: tuple[tuple[int, int], ...]
    side: int = SIDE
    width: int = WIDTH
    height: int = HEIGHT


def draw_hours(
    values: Mapping[tuple[int, int], int], *, names: Mapping[int, str], title: Callable[[int, int, int], str]
) -> Hours:
    """Lay a week out.

    Args:
        values: by weekday (Monday is 0) and hour; what is missing or 0 is empty ground.
        names: of the weekdays.
        title: says of a weekday and hour what its value is.
    """
    filled = {key: value for key, value in values.items() if value > 0}
    steps = steps_of(list(filled.values()))
    cells, ground = [], []
    for weekday in range(_WEEKDAYS):
        for hour in range(_HOURS):
            x, y = LEFT + hour * PITCH, TOP + weekday * PITCH
            value = filled.get((weekday, hour), 0)
            if value:
                shade = next(step.shade for step in steps if value <= step.high)
                cells.append(HourCell(x=x, y=y, shade=shade, title=title(weekday, hour, value)))
            else:
                ground.append(f"M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z")
    return Hours(
        cells=tuple(cells),
        ground="".join(ground),
        steps=steps,
        rows=tuple((TOP + row * PITCH + SIDE - 8, names[row]) for row in range(_WEEKDAYS)),
        heads=tuple((LEFT + hour * PITCH, hour) for hour in range(0, _HOURS, 3)),
    )
