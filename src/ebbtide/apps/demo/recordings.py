"""Recordings, transcripts and screen videos for the segments of an invented centre.

Each is a real file that a browser plays or a person can read, small enough that thousands are made in seconds, and no
two have the same bytes: a store, a checksum or a byte scan that mixes them up is caught.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from random import Random
from typing import Literal

import polars as pl

from ebbtide.apps.demo.phrases import EXCHANGES, FAREWELLS, FILLERS, GREETINGS, topic_of
from ebbtide.apps.demo.speech import conversation, spoken

_SCENES = ("form", "chat", "table")
_DESKTOP_SHARE = 0.35
_SECONDS_PER_EXCHANGE = 22
_EBML_VOID = 0xEC


@dataclass(frozen=True)
class Recording:
    """Hold one media file of a segment.

    Attributes:
        source_key: of the segment.
        kind: the data type.
        data: the file: WAV, JSON in UTF-8, or WebM.
    """

    source_key: str
    kind: Literal["audio", "transcript", "desktop"]
    data: bytes


def recordings_for(segments: pl.DataFrame, *, share: float, seed: int, followed: float = 0) -> Iterator[Recording]:
    """Make the recordings of a share of the answered segments.

    Args:
        segments: frame with at least source_key, queue, channel, outcome and talk_s.
        share: part of the answered segments that was recorded, 0 to 1. Whether a segment is among them depends only on
            its key and the seed.
        seed: the same seed makes the same files.
        followed: part of the recorded calls whose sound is as long as what is said in it, half a minute or so, and goes
            with its transcript turn by turn.

    Yields:
        For each of them audio (voice), a transcript (voice and chat) and, for about a third, a desktop recording, in
        the order of the frame. The audio is 2 to 4 seconds whatever the segment's talk time; the transcript spans it.

    Raises:
        ValueError: `share` is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        msg = f"cannot record a share of {share}: give a number from 0 to 1"
        raise ValueError(msg)
    answered = segments.filter(pl.col("outcome") == "answered").select("source_key", "queue", "channel", "talk_s")
    salt = seed.to_bytes(16, "big", signed=True)
    limit = int(share * 2**32)
    for source_key, queue, channel, talk_s in answered.iter_rows():
        digest = blake2b(source_key.encode(), key=salt, digest_size=32).digest()
        if int.from_bytes(digest[:4], "big") >= limit:
            continue
        random = Random(digest)  # noqa: S311 - decides how invented files look, guards nothing
        if channel == "voice" and int.from_bytes(digest[4:8], "big") < followed * 2**32:
            yield from _followed(random, source_key=source_key, queue=queue, mark=digest.hex().encode())
        else:
            if channel == "voice":
                yield Recording(source_key, "audio", conversation(random, mark=digest.hex().encode()))
            if channel in {"voice", "chat"}:
                yield Recording(
                    source_key, "transcript", _transcript(random, source_key=source_key, queue=queue, talk_s=talk_s)
                )
        if random.random() < _DESKTOP_SHARE:
            yield Recording(source_key, "desktop", _desktop(random, mark=digest))


def _conversation(random: Random, *, queue: str, wanted: int) -> list[tuple[str, str]]:
    """Make up who says what, with so many exchanges where there are so many."""
    pool = EXCHANGES[topic_of(queue)] + EXCHANGES["general"]
    said = [("agent", random.choice(GREETINGS).format(queue=queue))]
    for asked, answer in random.sample(pool, min(len(pool), wanted)):
        said += (("customer", asked), ("agent", answer))
        if random.random() < 0.4:  # noqa: PLR2004 - two customers in five put a word in
            said.append(("customer", random.choice(FILLERS)))
    thanks, goodbye = random.choice(FAREWELLS)
    said += (("customer", thanks), ("agent", goodbye))
    return said


def _followed(random: Random, *, source_key: str, queue: str, mark: bytes) -> Iterator[Recording]:
    """Make a conversation that can be listened to and read at once."""
    said = _conversation(random, queue=queue, wanted=random.randint(2, 4))
    # a voice without words: as many syllables as there might be in them, spoken fast
    turns = [(who, max(2, round(len(text) / 5))) for who, text in said]
    data, places = spoken(turns, random=random, mark=mark)
    yield Recording(source_key, "audio", data)
    told = [
        {"speaker": who, "start_ms": start, "end_ms": end, "text": text}
        for (who, text), (start, end) in zip(said, places, strict=True)
    ]
    whole = {"segment": source_key, "language": "en", "duration_ms": places[-1][1], "turns": told}
    yield Recording(source_key, "transcript", json.dumps(whole, separators=(",", ":")).encode())


def _transcript(random: Random, *, source_key: str, queue: str, talk_s: int | None) -> bytes:
    duration = (talk_s or 30) * 1_000
    wanted = max(1, duration // 1_000 // _SECONDS_PER_EXCHANGE)
    said = _conversation(random, queue=queue, wanted=wanted)
    # Long sentences take longer; the rest of the conversation's time lies between the turns.
    weights = [len(text) * random.uniform(0.8, 1.2) + 8 for _, text in said]
    scale = duration / sum(weights)
    turns, at = [], 0.0
    for (speaker, text), weight in zip(said, weights, strict=True):
        spoken = weight * scale
        turns.append({"speaker": speaker, "start_ms": int(at), "end_ms": int(at + spoken * 0.88), "text": text})
        at += spoken
    transcript = {"segment": source_key, "language": "en", "duration_ms": duration, "turns": turns}
    return json.dumps(transcript, separators=(",", ":")).encode()


def _desktop(random: Random, *, mark: bytes) -> bytes:
    """Copy a scene and make it unlike all others by an element that players skip.

    Source:
        RFC 8794, sections 11.3.2 and 6: a Void element may stand anywhere; 0x80 | length is a size of one octet.
    """
    return random.choice(_films()) + bytes((_EBML_VOID, 0x80 | len(mark))) + mark


@cache
def _films() -> tuple[bytes, ...]:
    assets = files("ebbtide.apps.demo") / "assets"
    return tuple((assets / f"desktop-{scene}.webm").read_bytes() for scene in _SCENES)
