"""Stacked bars side by side, with the stretches shaded of which something is missing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ebbtide.web.charts.histogram import Tick
from ebbtide.web.charts.lines import Place, Shade
from ebbtide.web.charts.scales import height, ticks

HEIGHT = 220
"""Of the whole drawing, in pixels."""
_TOP, _BASE = 10, HEIGHT - 22
_GAP = 0.14
"""Share of a bar's place that stays empty."""
_EDGE = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What one bar stands for.

    Attributes:
        parts: one upon the other, by tone as the style sheet names it.
        title: what is said where somebody points.
        shade: `purged` or `partly` where data is missing; then what is drawn is what is left.
    """

    parts: Sequence[tuple[str, int]]
    title: str
    shade: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a bar as it is drawn: its place in percent across and pixels down."""

    x: float
    width: float
    y: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """Stacked bars as `components/chart_stacked.html` draws them.

    Attributes:
        height: of the drawing, in pixels.
        top, base: where the bars' room begins and ends, in pixels from the top.
        pieces: of all bars.
        shades: stretches of which something is missing.
        places: what is said where somebody points.
        across: ticks along the foot.
        down: ticks along the side, each with a grid line.
    """

    height: int
    top: int
    base: int
    pieces: tuple[Piece, ...]
    shades: tuple[Shade, ...]
    places: tuple[Place, ...]
    across: tuple[Tick, ...]
    down: tuple[Tick, ...]

    @property
    def room(self) -> int:
        """Height of the bars' room."""
        return self.base - self.top


def draw_stacked(
    stacks: Sequence[Stack], *, across: Sequence[tuple[float, str]], step: int, label: Callable[[int], str]
) -> Stacked:
    """Lay out stacked bars.

    Args:
        stacks: from left to right, one or more.
        across: ticks along the foot: place in bars, and words.
        step: between two ticks along the side.
        label: writes a value of the side.
    """
    side = ticks(max(sum(value for _tone, value in one.parts) for one in stacks), step=step)
    room = _BASE - _TOP
    each = 100 / len(stacks)
    pieces = []
    for place, one in enumerate(stacks):
        base = float(_BASE)
        for tone, value in one.parts:
            tall = height(value, most=side[-1], pixels=room, least=0.75)
            if tall:
                base -= tall
                pieces.append(
                    Piece(
                        x=round((place + _GAP / 2) * each, 3),
                        width=round(each * (1 - _GAP), 3),
                        y=round(base, 2),
                        height=tall,
                        tone=tone,
                    )
                )
    return Stacked(
        height=HEIGHT,
        top=_TOP,
        base=_BASE,
        pieces=tuple(pieces),
        shades=shades([one.shade for one in stacks]),
        places=tuple(
            Place(x=round(place * each, 3), width=round(each, 3), title=one.title) for place, one in enumerate(stacks)
        ),
        across=tuple(_tick(place * each, words) for place, words in across),
        down=tuple(Tick(at=round(_BASE - room * value / side[-1], 2), label=label(value)) for value in side),
    )


def shades(tones: Sequence[str]) -> tuple[Shade, ...]:
    """Join places side by side that are shaded alike into stretches; an empty tone is no shade."""
    each = 100 / len(tones)
    found: list[Shade] = []
    begins = 0
    for place in range(1, len(tones) + 1):
        if place == len(tones) or tones[place] != tones[begins]:
            if tones[begins]:
                width = round((place - begins) * each, 3)
                found.append(Shade(x=round(begins * each, 3), width=width, tone=tones[begins]))
            begins = place
    return tuple(found)


def _tick(at: float, words: str) -> Tick:
    at = round(at, 3)
    return Tick(at=at, label=words, anchor="start" if at < _EDGE else "end" if at > 100 - _EDGE else "middle")
