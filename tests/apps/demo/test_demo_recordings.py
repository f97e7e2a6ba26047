"""The invented recordings are real files: each can be opened by what opens its kind, and no two are alike."""

import io
import json
import wave
from collections import Counter
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from ebbtide.apps.demo.calls import generate_days
from ebbtide.apps.demo.centre import HARBOUR
from ebbtide.apps.demo.recordings import Recording, recordings_for

EBML, SEGMENT, VOID, INFO, TRACKS, CLUSTER = 0x1A45DFA3, 0x18538067, 0xEC, 0x1549A966, 0x1654AE6B, 0x1F43B675


@pytest.fixture(scope="module")
def segments() -> pl.DataFrame:
    first, last = date(2026, 1, 12), date(2026, 1, 25)
    return pl.concat([some for some, _ in generate_days(HARBOUR, first=first, last=last, segments=2_000, seed=1)])


@pytest.fixture(scope="module")
def recordings(segments: pl.DataFrame) -> list[Recording]:
    return list(recordings_for(segments, share=0.5, seed=1))


def of_kind(recordings: list[Recording], kind: str) -> list[Recording]:
    return [recording for recording in recordings if recording.kind == kind]


def test_a_share_of_the_answered_segments_is_recorded(segments: pl.DataFrame, recordings: list[Recording]) -> None:
    answered = segments.filter(pl.col("outcome") == "answered")
    channels = dict(answered.select("source_key", "channel").iter_rows())
    assert {recording.source_key for recording in recordings} <= set(channels)
    voice = sum(channel == "voice" for channel in channels.values())
    audio = of_kind(recordings, "audio")
    assert len(audio) == pytest.approx(voice / 2, rel=0.1)
    assert {channels[recording.source_key] for recording in audio} == {"voice"}
    assert {channels[recording.source_key] for recording in of_kind(recordings, "transcript")} == {"voice", "chat"}
    assert 0.25 < len(of_kind(recordings, "desktop")) / len({r.source_key for r in recordings}) < 0.55
    assert max(Counter((recording.source_key, recording.kind) for recording in recordings).values()) == 1


def test_which_are_recorded_depends_on_key_and_seed_alone(segments: pl.DataFrame, recordings: list[Recording]) -> None:
    backwards = list(recordings_for(segments.reverse(), share=0.5, seed=1))
    assert set(backwards) == set(recordings)
    assert set(recordings_for(segments, share=0.5, seed=2)) != set(recordings)
    fewer = {recording.source_key for recording in recordings_for(segments, share=0.2, seed=1)}
    assert fewer < {recording.source_key for recording in recordings}


def test_the_ends_of_the_share(segments: pl.DataFrame) -> None:
    assert list(recordings_for(segments, share=0, seed=1)) == []
    voice = segments.filter((pl.col("outcome") == "answered") & (pl.col("channel") == "voice")).head(100)
    assert len(of_kind(list(recordings_for(voice, share=1, seed=1)), "audio")) == 100
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="share"):
            next(recordings_for(segments, share=share, seed=1))


def test_no_two_files_are_alike(recordings: list[Recording]) -> None:
    assert len({recording.data for recording in recordings}) == len(recordings)


def test_audio_is_a_short_telephone_recording(recordings: list[Recording]) -> None:
    samples, comments = [], set()
    for recording in of_kind(recordings, "audio"):
        with wave.open(io.BytesIO(recording.data)) as sound:
            assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 1, 8_000)
            assert 2 <= sound.getnframes() / 8_000 <= 4
            samples.append(sound.readframes(sound.getnframes()))
            assert len(samples[-1]) == sound.getnframes()
        assert int.from_bytes(recording.data[4:8], "little") == len(recording.data) - 8
        comments.add(recording.data.rpartition(b"ICMT")[2])
        assert 16_000 <= len(recording.data) <= 32_768
    assert len(comments) == len(samples), "each is marked, however many are made"
    assert len(set(samples)) == len(samples), "what is heard differs too"
    for heard in samples[:50]:
        assert max(heard) - min(heard) > 120, "not silence"
        assert 120 < sum(heard) / len(heard) < 136, "no offset"


def test_some_can_be_followed_in_their_transcript(segments: pl.DataFrame, recordings: list[Recording]) -> None:
    made = list(recordings_for(segments.head(400), share=0.5, seed=1, followed=0.3))
    sounds = {one.source_key: one.data for one in of_kind(made, "audio")}
    usual = {one.source_key: one.data for one in of_kind(recordings, "audio")}
    long = {key for key, data in sounds.items() if data != usual[key]}
    assert 0.15 < len(long) / len(sounds) < 0.5
    for told in (json.loads(one.data) for one in of_kind(made, "transcript") if one.source_key in long):
        with wave.open(io.BytesIO(sounds[told["segment"]])) as sound:
            seconds = sound.getnframes() / 8_000
        assert 8 < seconds < 90
        assert told["duration_ms"] <= seconds * 1_000 < told["duration_ms"] + 300
        ends = 0
        for turn in told["turns"]:
            assert ends <= turn["start_ms"] < turn["end_ms"]
            ends = turn["end_ms"]


def test_a_transcript_tells_the_conversation_in_order(segments: pl.DataFrame, recordings: list[Recording]) -> None:
    talked = dict(segments.select("source_key", "talk_s").iter_rows())
    for recording in of_kind(recordings, "transcript"):
        told = json.loads(recording.data)
        assert told["segment"] == recording.source_key
        assert told["duration_ms"] == talked[recording.source_key] * 1_000
        assert {turn["speaker"] for turn in told["turns"]} == {"agent", "customer"}
        ends = 0
        for turn in told["turns"]:
            assert ends <= turn["start_ms"] < turn["end_ms"] <= told["duration_ms"]
            assert turn["text"]
            assert "{" not in turn["text"]
            ends = turn["end_ms"]


def test_a_transcript_fits_its_queue(segments: pl.DataFrame, recordings: list[Recording]) -> None:
    queues = dict(segments.select("source_key", "queue").iter_rows())
    texts: dict[str, str] = {}
    for recording in of_kind(recordings, "transcript"):
        queue = queues[recording.source_key]
        texts[queue] = texts.get(queue, "") + recording.data.decode()
    assert "tow truck" in texts["Roadside Assistance"]
    assert "tow truck" not in texts["Claims"]


def test_a_screen_video_is_webm_element_by_element(recordings: list[Recording]) -> None:
    marks = set()
    videos = of_kind(recordings, "desktop")
    for recording in videos:
        assert recording.data.startswith(b"\x1a\x45\xdf\xa3")
        assert len(recording.data) <= 40_000
        top = list(elements(recording.data))
        assert [name for name, _ in top] == [EBML, SEGMENT, VOID]
        assert b"webm" in top[0][1]
        inside = [name for name, _ in elements(top[1][1])]
        assert {INFO, TRACKS, CLUSTER} <= set(inside)
        marks.add(top[2][1])
    assert len(marks) == len(videos)
    assert len({recording.data.rpartition(b"\xec\xa0")[0] for recording in videos}) == 3, "three scenes"


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the EBML elements of one level; they must fill it exactly (RFC 8794)."""
    at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        name, at = int.from_bytes(data[at : at + width], "big"), at + width
        width = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
        at += width
        assert size != (1 << 7 * width) - 1, "of unknown size: what follows would belong to it"
        assert at + size <= len(data)
        yield name, data[at : at + size]
        at += size
