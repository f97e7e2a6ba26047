"""The waveform of a recording: bars around a line, as long as its loudness."""

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH, HEIGHT = 960, 64
_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class Waveform:
    """The picture: one path of bars; seconds it lasts."""

    path: str
    seconds: float
    width: int = WIDTH
    height: int = HEIGHT


def waveform(peaks: Iterable[float], seconds: float) -> Waveform:
    """Draw peaks between 0 and 1, from left to right."""
    found = list(peaks)
    step = WIDTH / max(1, len(found))
    bar = round(max(0.5, step * 0.7), 2)
    parts = []
    for number, peak in enumerate(found):
        height = round(max(_LEAST, peak * HEIGHT), 1)
        parts.append(f"M{number * step:.1f} {(HEIGHT - height) / 2:.1f}h{bar}v{height}h-{bar}z")
    return Waveform("".join(parts), round(seconds, 2))
