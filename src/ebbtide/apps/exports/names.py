"""Names inside an archive: all of them ours, so that none can lead out of the folder it is unpacked into."""

import uuid
from datetime import date

from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

FOLDERS = {DataType.AUDIO: "audio", DataType.TRANSCRIPT: "transcripts", DataType.DESKTOP: "desktop"}
MANIFEST, FILES, COUNTS = "manifest.json", "manifest.csv", "counts.csv"
BEGINNINGS_BYTES = 16
"""So much of a recording tells what it is."""


def rows_name(what: str, *, day: date, format: str, part: int = 1) -> str:
    """Name a file of report rows or events; the second part of a day and all after it are numbered."""
    number = "" if part == 1 else f"-{part}"
    return f"{what}/{day.isoformat()}{number}.{format}"


def recording_name(data_type: DataType, *, day: date, queue: int, segment: uuid.UUID, number: int, kind: str) -> str:
    """Name a recording: by its day, Q and segment, numbered from 1, and what its first bytes say it is."""
    return f"{FOLDERS[data_type]}/{day.isoformat()}/{public_id('que', queue)}/{segment}-{number}.{kind}"


def kind_of(beginning: bytes) -> str:
    """Tell by its first bytes what a file is, as an ending; `bin` where they say nothing.

    Args:
        beginning: at least 16 bytes, where the file has as many.
    """
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WAVE":
        return "wav"
    if beginning[4:8] == b"ftyp":
        return "m4a" if beginning[8:11] == b"M4A" else "mp4"
    for start, kind in _STARTS:
        if beginning.startswith(start):
            return kind
    text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in {b"{", b"["}:
        return "json"
    if text.startswith(b"WEBVTT"):
        return "vtt"
    return "bin" if not text or any(byte < 32 and byte not in b"\t\r\n" for byte in beginning) else "txt"


_STARTS = (
    (b"ID3", "mp3"),
    (b"\xff\xfb", "mp3"),
    (b"\xff\xf3", "mp3"),
    (b"\xff\xf2", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"#!AMR", "amr"),
    (b"\x1f\x8b", "gz"),
)
