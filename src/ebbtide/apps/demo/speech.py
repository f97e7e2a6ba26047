"""Small telephone recordings that sound like two people talking, made from sums of harmonics.

Why synthesized: recordings of real people have owners, and a demo needs thousands that differ. Why from a bank: a few
seconds of each voice are worked out once, as columns; every recording after that only cuts and joins bytes. The cuts
fall between syllables, where a voice is silent, so nothing clicks.

Eight-bit PCM is the one telephone-sized form that all browsers and the standard library's `wave` can read.
"""

import math
import struct
from collections.abc import Sequence
from functools import cache
from random import Random

import polars as pl

RATE_HZ = 8_000
_SYLLABLE = 1_720  # samples; a good four and a half syllables a second
_SYLLABLES = 14
_LONGEST_TURN = 4  # syllables
_LONGEST_PAUSE = 1_700  # samples
_SILENCE = 128
# Fundamental in Hz, and first and second formant of the two vowels that the voice wanders between.
_VOICES = (
    (98.0, 560.0, 1_020.0, 390.0, 1_900.0),
    (112.0, 660.0, 1_180.0, 420.0, 820.0),
    (128.0, 500.0, 1_700.0, 700.0, 1_100.0),
    (182.0, 640.0, 1_350.0, 460.0, 2_150.0),
    (205.0, 780.0, 1_250.0, 420.0, 960.0),
    (226.0, 590.0, 1_950.0, 820.0, 1_400.0),
)


def conversation(random: Random, *, mark: bytes) -> bytes:
    """Cut a conversation of two voices.

    Args:
        random: decides the voices and the turns.
        mark: an ASCII comment kept in the file, so that no two files are alike.

    Returns:
        A WAV file of 2 to 4 seconds: mono, 8 kHz, 8 bits a sample.
    """
    voices, line = _bank()
    agent, customer = random.sample(voices, 2)
    turns: list[bytes] = []
    # With the longest last turn and pause it stays below four seconds.
    length, wanted = 0, random.randrange(2 * RATE_HZ, 4 * RATE_HZ - _LONGEST_TURN * _SYLLABLE - _LONGEST_PAUSE)
    speaker, other = agent, customer
    while length < wanted:
        count = random.randint(1, _LONGEST_TURN)
        start = random.randrange(_SYLLABLES - count) * _SYLLABLE
        turn = speaker[start : start + count * _SYLLABLE]
        pause = random.randrange(300, _LONGEST_PAUSE)
        turns += (turn, line[pause : 2 * pause])
        length += len(turn) + pause
        speaker, other = other, speaker
    return wav(b"".join(turns), mark=mark)


def spoken(turns: Sequence[tuple[str, int]], *, random: Random, mark: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Speak a conversation turn by turn, so that it can be followed in its transcript.

    Args:
        turns: who, and how many syllables, in their order.
        random: decides the voices and pauses.
        mark: as of `conversation`.

    Returns:
        A WAV file, and where each turn begins and ends in it, in milliseconds.
    """
    voices, line = _bank()
    speakers = list(dict.fromkeys(who for who, _count in turns))
    voice_of = dict(zip(speakers, random.sample(voices, len(speakers)), strict=True))
    parts: list[bytes] = []
    places: list[tuple[int, int]] = []
    length = 0
    for who, count in turns:
        begins, left = length, count
        while left > 0:
            some = min(left, _LONGEST_TURN)
            start = random.randrange(_SYLLABLES - some) * _SYLLABLE
            parts.append(voice_of[who][start : start + some * _SYLLABLE])
            length += some * _SYLLABLE
            left -= some
        places.append((begins * 1_000 // RATE_HZ, length * 1_000 // RATE_HZ))
        pause = random.randrange(800, _LONGEST_PAUSE)
        parts.append(line[pause : 2 * pause])
        length += pause
    return wav(b"".join(parts), mark=mark), places


def wav(samples: bytes, *, mark: bytes) -> bytes:
    """Wrap samples as a WAV file.

    Args:
        samples: mono, 8 kHz, unsigned 8 bits.
        mark: an ASCII comment.

    Returns:
        The file.

    Source:
        Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE, the INFO list).
    """
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ, 1, 8)
    info = b"INFO" + _chunk(b"ICMT", mark + b"\0")
    body = b"WAVE" + form + _chunk(b"data", samples) + _chunk(b"LIST", info)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _chunk(name: bytes, content: bytes) -> bytes:
    # Chunks start on even offsets; the padding byte does not count.
    return struct.pack("<4sI", name, len(content)) + content + b"\0" * (len(content) % 2)


@cache
def _bank() -> tuple[tuple[bytes, ...], bytes]:
    """Work out the voices, and the quiet hiss of the line between turns."""
    hiss = Random(8_000)  # noqa: S311 - noise to hear, not to hide behind
    line = bytes(hiss.choice((_SILENCE - 1, _SILENCE, _SILENCE, _SILENCE + 1)) for _ in range(4_000))
    return tuple(_voice(*voice) for voice in _VOICES), line


def _voice(pitch: float, first_a: float, second_a: float, first_b: float, second_b: float) -> bytes:
    at = pl.col("at")
    seconds = at / RATE_HZ
    syllable = (at % _SYLLABLE) / _SYLLABLE
    # Pitch falls through a phrase and rises with each stressed syllable; the vowel glides from one to the other.
    frame = pl.DataFrame({"at": pl.int_range(_SYLLABLE * _SYLLABLES, eager=True)}).with_columns(
        hertz=pitch * (1 + 0.1 * (seconds * 2 * math.pi * 0.8).sin() + 0.05 * (syllable * math.pi).sin()),
        vowel=((at // _SYLLABLE * 2.4).sin() + (syllable * math.pi).cos() * 0.4) * 0.5 + 0.5,
        loud=(syllable * math.pi).sin().clip(0, 1).pow(1.4) * (0.65 + 0.35 * (at // _SYLLABLE * 1.7).cos()),
    )
    frame = frame.with_columns(
        phase=(pl.col("hertz") * (2 * math.pi / RATE_HZ)).cum_sum(),
        first=first_a + (first_b - first_a) * pl.col("vowel"),
        second=second_a + (second_b - second_a) * pl.col("vowel"),
    )
    sound = pl.lit(0.0)
    for harmonic in range(1, int(3_200 / pitch / 1.2)):
        tone = pl.col("hertz") * harmonic
        low = (((tone - pl.col("first")) / 170) ** 2 * -1).exp()
        high = (((tone - pl.col("second")) / 260) ** 2 * -1).exp() * 0.45
        sound = sound + (pl.col("phase") * harmonic).sin() * (low + high + 0.16 / harmonic)
    shaped = frame.select((sound * pl.col("loud")).alias("x"))["x"]
    peak = max(abs(float(value)) for value in shaped)
    return bytes((shaped * (100 / peak) + _SILENCE).round().cast(pl.UInt8).to_list())
