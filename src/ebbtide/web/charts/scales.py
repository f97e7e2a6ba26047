"""Scales: where on an axis the ticks stand, and how long a bar is."""

from collections.abc import Iterator
from itertools import count

_STEPS = (1, 2, 5)
_UNIT = 1024
_MOST_OF_A_UNIT = 500


def _steps() -> Iterator[int]:
    """Give the round steps 1, 2, 5, 10, 20, 50 and so on without an end."""
    for power in count():
        for step in _STEPS:
            yield step * 10**power


def round_step(most: int, *, parts: int) -> int:
    """Give the smallest round step that reaches `most` within so many parts.

    Args:
        most: greatest value of the axis.
        parts: how many steps there may be, 1 or more.
    """
    return next(step for step in _steps() if step * parts >= most)


def byte_step(most: int, *, parts: int) -> int:
    """Give the smallest step that is round in binary units (20 MiB, 512 of nothing) and reaches `most`.

    Args:
        most: greatest value of the axis, in bytes.
        parts: how many steps there may be, 1 or more.
    """
    unit = 1
    while most > _UNIT * unit * parts:
        unit *= _UNIT
    step = round_step(-(-most // unit), parts=parts)
    # more than 500 of a unit is one of the next
    return (step if step <= _MOST_OF_A_UNIT else _UNIT) * unit


def ticks(most: int, *, step: int) -> list[int]:
    """Give the ticks from 0 up to the first that reaches `most`; with nothing to show, 0 and one step."""
    return [step * place for place in range(max(1, -(-most // step)) + 1)]


def height(value: int, *, most: int, pixels: float, least: float = 1.5) -> float:
    """Give a bar's height: 0 for nothing, and for anything else enough to be seen.

    Args:
        value: what the bar stands for.
        most: what a bar over the whole axis stands for.
        pixels: the axis' length.
        least: height of the smallest bar, in pixels.
    """
    if value <= 0 or most <= 0:
        return 0.0
    return round(max(least, min(1.0, value / most) * pixels), 2)
