"""The bytes of an export: plain or gzip, checked as text, handed on in blocks of whole lines.

Everything that can be wrong with bytes (cut off, damaged, another encoding) is turned into one kind of error here, so
that nothing further up has to think about it. Blocks, not lines: a Python loop over half a million lines is what makes
readers slow.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from ebbtide.domain.errors import InputInvalid

CHUNK: Final = 4 << 20
"""Bytes read at once, unpacked."""

_LONGEST_LINE: Final = 16 << 20
_GZIP_MAGIC: Final = b"\x1f\x8b"


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a file, gzip or not, and turn everything that can go wrong with its bytes into one kind of error."""
    try:
        with path.open("rb") as disk:
            start = disk.read(2)
            disk.seek(0)
            if not start:
                raise InputInvalid(f"{path} is empty (0 bytes): export it again.", field="file")
            zipped = start == _GZIP_MAGIC
            if path.suffix.lower() == ".gz" and not zipped:
                raise InputInvalid(
                    f"{path} is not a gzip file, though its name says so: export it again.", field="file"
                )
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=disk, mode="rb")) if zipped else disk
            yield Source(stream=stream, disk=disk)
    except EOFError as exc:
        raise InputInvalid(f"{path} is cut off: the gzip data ends too early. Copy it again.", field="file") from exc
    except (gzip.BadGzipFile, zlib.error) as exc:
        raise InputInvalid(f"{path} is damaged ({exc}): copy it again.", field="file") from exc
    except OSError as exc:
        raise InputInvalid(f"{path} cannot be read ({exc.strerror or exc}): check the path.", field="file") from exc


@dataclass(frozen=True)
class Source:
    """An open export: `stream` gives its text as bytes, `disk` is the file as it lies there."""

    stream: BinaryIO
    disk: BinaryIO

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes of text; empty at the end."""
        return self.stream.read(size)

    @property
    def position(self) -> int:
        """Bytes read of the file as it lies on disk."""
        return self.disk.tell()


class TextCheck:
    """Bytes that must be UTF-8 text without NUL, fed piece by piece."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self._run = 0
        self._fed = False

    def feed(self, chunk: bytes) -> None:
        """Check the next bytes.

        Raises:
            InputInvalid: they are not UTF-8, hold NUL, or go on for 16 MiB without a line break; names the line.
        """
        if not self._fed and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._refuse(1, "is UTF-16", "save it as UTF-8")
        self._fed = True
        if (place := chunk.find(b"\0")) >= 0:
            self._refuse(self._line + _breaks(chunk[:place]), "holds a NUL character", "export it again as text")
        waiting = self._decoder.getstate()[0]
        if waiting or not chunk.isascii():
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError as exc:
                # The decoder sees the bytes it kept from the last chunk in front of this one; they hold no line break.
                line = self._line + _breaks(chunk[: max(0, exc.start - len(waiting))])
                self._refuse(line, "is not UTF-8", "save it as UTF-8 (it may be Latin-1 or Windows-1252)")
        self._line += _breaks(chunk)
        last = chunk.rfind(b"\n")
        self._run = self._run + len(chunk) if last < 0 else len(chunk) - last
        if self._run > _LONGEST_LINE:
            self._refuse(self._line, "is longer than 16 MiB", "check that the export has line breaks")

    def finish(self) -> None:
        """Check that the text ended where a text may end.

        Raises:
            InputInvalid: there was nothing at all, or the last character is torn.
        """
        if not self._fed:
            raise InputInvalid(f"{self._path} is empty (0 bytes unpacked): export it again.", field="file")
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._refuse(self._line, "ends within a character", "copy it again, it seems cut off")

    def _refuse(self, line: int, problem: str, remedy: str) -> None:
        raise InputInvalid(f"{self._path}, line {line} {problem}: {remedy}.", field="file", line=line)


def _breaks(chunk: bytes) -> int:
    """Count line ends of all three kinds; a CR LF torn between two chunks counts twice, which only a message sees."""
    carriage = chunk.count(b"\r")
    return chunk.count(b"\n") + (carriage - chunk.count(b"\r\n") if carriage else 0)


class Blocks:
    """The file in blocks of whole lines; a block can be pushed back."""

    def __init__(self, source: Source, *, path: Path) -> None:
        self._source = source
        self._path = path
        self._rest = b""
        self._pushed: list[bytes] = []
        self._begun = False

    @property
    def position(self) -> int:
        """Bytes read of the file as it lies on disk."""
        return self._source.position

    def push(self, block: bytes) -> None:
        """Give back what was taken too much; it comes next."""
        if block:
            self._pushed.append(block)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pushed:
            return self._pushed.pop()
        while chunk := self._source.read(CHUNK):
            if not self._begun:
                self._begun = True
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
            cut = chunk.rfind(b"\n") + 1
            if cut:
                block, self._rest = self._rest + chunk[:cut], chunk[cut:]
                return block
            self._rest += chunk
            if len(self._rest) > _LONGEST_LINE:
                raise InputInvalid(f"{self._path} has a line longer than 16 MiB: check the export.", field="file")
        if self._rest:
            block, self._rest = self._rest, b""
            return block
        raise StopIteration


def decoded(line: bytes) -> str:
    """Turn bytes into text.

    Raises:
        InputInvalid: they are not UTF-8, so the file is not the one that was looked over.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        raise InputInvalid("The file is not UTF-8: save it as UTF-8.", field="file") from exc
