"""How loud a recording is, from its beginning to its end: worked out when somebody opens it, and kept nowhere.

A copy of the waveform would be one more thing to purge; an hour of sound is decoded in about two seconds.
"""

import io
from array import array
from itertools import pairwise
from threading import BoundedSemaphore

import av
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

LARGEST = 64 * 1024 * 1024
"""Bytes of the largest file that is decoded."""
BARS = 240
AT_ONCE = BoundedSemaphore(2)
"""Decoding takes a processor: pages of others must not wait for waveforms."""
_RATE = 8_000
_BLOCK = 400  # samples; a twentieth of a second
_LONGEST = 6 * 3_600 * _RATE // _BLOCK  # blocks in six hours
_FULL = 32_768


def loudness(data: bytes) -> tuple[tuple[float, ...], float] | None:
    """Work out the waveform.

    Args:
        data: an audio file of any kind that FFmpeg reads.

    Returns:
        Peaks between 0 and 1, the loudest being 1, and the seconds it lasts; None where there is no sound in it.
    """
    try:
        blocks = _blocks(data)
    except (FFmpegError, ValueError, EOFError, IndexError):
        return None
    if not blocks:
        return None
    bars = min(BARS, len(blocks))
    edges = [number * len(blocks) // bars for number in range(bars + 1)]
    peaks = [max(blocks[first:last]) for first, last in pairwise(edges)]
    most = max(*peaks, 1)
    return tuple(round(peak / most, 3) for peak in peaks), len(blocks) * _BLOCK / _RATE


def _blocks(data: bytes) -> list[int]:
    """Give the peak of each twentieth of a second."""
    found: list[int] = []
    rest: array[int] = array("h")
    with av.open(io.BytesIO(data), mode="r", metadata_errors="ignore") as container:
        if not container.streams.audio:
            return []
        resampler = AudioResampler(format="s16", layout="mono", rate=_RATE)
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                rest.frombytes(bytes(piece.planes[0])[: piece.samples * 2])
            whole = len(rest) - len(rest) % _BLOCK
            found += [_peak(rest[first : first + _BLOCK]) for first in range(0, whole, _BLOCK)]
            rest = rest[whole:]
            if len(found) > _LONGEST:
                break
    if rest:
        found.append(_peak(rest))
    return found


def _peak(samples: "array[int]") -> int:
    """Give the loudest of some samples, whichever its sign."""
    loudest, deepest = max(samples), min(samples)
    return min(max(loudest, -deepest), _FULL)
