"""What a recording is, going by how it begins: never by a name or a type that somebody gave it.

A browser is told one of these types and nothing else, and to keep to it; whatever is none of them is a file of bytes
that no browser runs or shows.
"""

from dataclasses import dataclass

from ebbtide.domain.cell import DataType

HEAD = 64
"""Bytes that are enough to tell."""


@dataclass(frozen=True, slots=True)
class Format:
    """A media type, and how a file of it is called."""

    type: str
    ending: str


UNKNOWN = Format("application/octet-stream", "bin")
_JSON, _TEXT = Format("application/json", "json"), Format("text/plain; charset=utf-8", "txt")
_WAV, _FLAC, _OGG = Format("audio/wav", "wav"), Format("audio/flac", "flac"), Format("audio/ogg", "ogg")
_MP3, _AMR = Format("audio/mpeg", "mp3"), Format("audio/amr", "amr")
_MP4 = {True: Format("video/mp4", "mp4"), False: Format("audio/mp4", "m4a")}
_WEBM = {True: Format("video/webm", "webm"), False: Format("audio/webm", "webm")}


def format_of(head: bytes, *, kind: DataType) -> Format:
    """Tell what a recording is.

    Args:
        head: its first bytes, `HEAD` of them where there are so many.
        kind: its data type; a container can hold sound alone, or pictures too.

    Source:
        The signatures of RIFF (WAVE), FLAC, Ogg (RFC 3533), ISO media (ftyp), EBML (RFC 8794), ID3 and MPEG audio, AMR
        (RFC 4867).
    """
    film = kind is DataType.DESKTOP
    if kind is DataType.TRANSCRIPT:
        return _JSON if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["} else _TEXT
    # where in the head a signature stands, and what it means
    signs = (
        (8, b"WAVE", _WAV), (4, b"ftyp", _MP4[film]), (0, b"\x1aE\xdf\xa3", _WEBM[film]), (0, b"fLaC", _FLAC),
        (0, b"OggS", _OGG), (0, b"ID3", _MP3), (0, b"#!AMR", _AMR),
    )  # fmt: skip
    for at, sign, found in signs:
        if head[at:].startswith(sign):
            return found
    # eleven bits of frame sync, and a layer that is not reserved
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        return _MP3
    return UNKNOWN
