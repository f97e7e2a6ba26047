"""The store as the engine, imports and reconcile see it: put, get, list, destroy and see that it is gone."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from glob import escape
from io import SEEK_SET, BufferedReader, RawIOBase
from itertools import takewhile
from typing import TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore.exceptions import BaseError

from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Outcome, Purged, Retained
from ebbtide.stores.objects.deleting import Deleting, is_busy
from ebbtide.stores.objects.opening import ERRORS, MARK, MARK_SAYS, MISREAD, first_line, open_store
from ebbtide.stores.objects.pace import Pace, Patience, Timing
from ebbtide.stores.objects.presence import Presence
from ebbtide.stores.objects.s3 import S3
from ebbtide.stores.objects.versions import Versions

if TYPE_CHECKING:
    from obstore import ReadableFile
    from typing_extensions import Buffer

_PARTS_AT_ONCE = 2
"""Parts of one upload in flight, of 5 MiB each: eight uploads side by side stay below 120 MiB."""
_READ_BYTES = 1024 * 1024
"""Handed on at a time when reading: obstore's own 10 MiB came to 30 MiB a reader, with its copies."""

_POURED_BYTES = 16 * 1024 * 1024
"""Of a part of what is poured in: 10,000 of them, which is all that S3 puts together, are 156 GiB."""
_KNOWN_FOR_S = 10.0
"""How long a listing goes by what was last seen of versions; a delete asks anew."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: its size in bytes and its SHA-256 (32 bytes)."""

    size: int
    sha256: bytes


class _Seekable(RawIOBase):
    """obstore's reader as Python's own, so that what reads files reads objects."""

    def __init__(self, source: "ReadableFile") -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def readinto(self, buffer: "Buffer", /) -> int:
        view = memoryview(buffer)
        try:
            found = bytes(self._source.read(len(view)))
        except BaseError as exc:
            raise OSError(first_line(exc)) from exc
        view[: len(found)] = found
        return len(found)


class Objects:
    """An object store by URL (file:///folder, s3://bucket/prefix, …), credentials from the operator's environment."""

    def __init__(self, url: str, *, timing: Timing | None = None, patience: Patience | None = None) -> None:
        """Open the store.

        Args:
            url: of the store.
            timing: where time comes from.
            patience: how often a busy store is asked again.

        Raises:
            InputInvalid: the URL names no store that can be opened.
        """
        timing, patience = timing or Timing(), patience or Patience()
        self.opened = open_store(url)
        self.pace = Pace()
        self._timing = timing
        self._is_marked = False
        self._asked_at: float | None = None
        self._versioned = False
        self._presence = Presence(self.opened)
        self._deleting = Deleting(
            self.opened, pace=self.pace, timing=timing, patience=patience, present=self._presence.present
        )
        self.s3 = S3(self.opened) if self.opened.bucket else None
        self.versions = None if self.s3 is None else Versions(self.s3, pace=self.pace, timing=timing, patience=patience)

    @property
    def identity(self) -> str:
        """The URL, and the server where it is not Amazon's, as they may be shown: without anything secret."""
        host = "" if self.s3 is None else self.s3.host
        return f"{self.opened.identity} at {host}" if host else self.opened.identity

    def trust_order(self, in_order: bool) -> None:
        """Say whether the store was seen to list in the order of its keys."""
        self._presence.in_order = in_order

    def clock(self) -> datetime | None:
        """Give what the store's own clock says (UTC); None where it has none of its own, or does not answer."""
        return None if self.s3 is None else self.s3.clock()

    def put(self, key: str, chunks: Iterable[bytes]) -> Stored:
        """Stream an object in.

        Raises:
            InputInvalid: the key is one that stores would take for another.
            StoreUnreachable: it could not be written whole.
        """
        if MISREAD.search(key):
            raise InputInvalid(f"{key!r} cannot be an object's key: stores would take it for another.", field="key")
        digest = hashlib.sha256()
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        try:
            self._mark()
            obstore.put(self.opened.store, key, counted(), max_concurrency=_PARTS_AT_ONCE)
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not take an object: {first_line(exc)}") from exc
        return Stored(size, digest.digest())

    def pour(self, key: str, chunks: Iterable[bytes]) -> Stored:
        """Stream an object in whose chunks are themselves read from a store: `put` would wait for itself.

        Whatever breaks off leaves an unfinished upload, which `discard` removes; the object is whole or not there.

        Raises:
            InputInvalid: the key is one that stores would take for another.
            StoreUnreachable: it could not be written whole.
        """
        if MISREAD.search(key):
            raise InputInvalid(f"{key!r} cannot be an object's key: stores would take it for another.", field="key")
        digest = hashlib.sha256()
        size = 0
        with self._written(key) as write:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                write(chunk)
        return Stored(size, digest.digest())

    @contextmanager
    def _written(self, key: str) -> Iterator[Callable[[bytes], None]]:
        """Give what takes an object piece by piece; errors of the store become ours, and no others."""

        def mapped(step: Callable[[], object]) -> None:
            try:
                step()
            except ERRORS as exc:
                raise StoreUnreachable(f"The object store did not take an object: {first_line(exc)}") from exc

        mapped(self._mark)
        writer = obstore.open_writer(self.opened.store, key, buffer_size=_POURED_BYTES, max_concurrency=_PARTS_AT_ONCE)
        yield lambda chunk: mapped(lambda: writer.write(chunk))
        mapped(writer.close)

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object out.

        Raises:
            StoreUnreachable: it could not be read.
        """
        try:
            for chunk in obstore.get(self.opened.store, key).stream(min_chunk_size=_READ_BYTES):
                yield bytes(chunk)
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not give an object: {first_line(exc)}") from exc

    def piece(self, key: str, *, first: int, last: int) -> Iterator[bytes]:
        """Stream a part of an object out.

        Args:
            key: of the object.
            first: its first byte, counted from 0.
            last: its last byte, included.

        Raises:
            StoreUnreachable: it could not be read.
        """
        try:
            wanted = obstore.get(self.opened.store, key, options={"range": (first, last + 1)})
            for chunk in wanted.stream(min_chunk_size=_READ_BYTES):
                yield bytes(chunk)
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not give an object: {first_line(exc)}") from exc

    def reader(self, key: str) -> BinaryIO:
        """Open an object as a file that can be read from any place; little more than what is asked for is fetched.

        Raises:
            StoreUnreachable: it could not be opened; while it is read, a store that fails raises OSError.
        """
        try:
            return cast("BinaryIO", BufferedReader(_Seekable(obstore.open_reader(self.opened.store, key)), _READ_BYTES))
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not give an object: {first_line(exc)}") from exc

    def mark(self) -> None:
        """Leave the mark, as the first upload does: without it nothing here can be called gone.

        Raises:
            StoreUnreachable: the store did not take it.
        """
        try:
            self._mark()
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not take an object: {first_line(exc)}") from exc

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix (whole path segments; a trailing slash is optional; "" for all).

        Raises:
            StoreUnreachable: the store does not answer.
        """
        if self._keeps_versions():
            yield from (key for key in self._all_versions().keys(prefix) if key != MARK)
        else:
            yield from self._presence.keys(prefix)

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the keys below a prefix, as `keys` does, with the bytes of each: of all versions where those are kept.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        if self._keeps_versions():
            yield from (one for one in self._all_versions().sizes(prefix) if one[0] != MARK)
        else:
            yield from self._presence.sizes(prefix)

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete objects and see that they are gone; one outcome a key, in order.

        Raises:
            StoreUnreachable: the store does not even list, or is not the one that was written to.
        """
        if not keys:
            return []
        keeps_versions = self._check_mark()
        usable = [key for key in keys if not MISREAD.search(key)]
        ends = self._all_versions().destroy(usable) if keeps_versions else self._destroyed(usable)
        misread = Failed("stores would take its key for another")
        return [ends.get(key, misread) for key in keys]

    def _destroyed(self, keys: list[str]) -> dict[str, Outcome]:
        there = self._presence.present(keys)
        reasons = self._deleting.bulk(sorted(there)) if there else {}
        still = self._presence.present(sorted(there)) if there else set()
        bad = sorted(key for key in still if key in reasons and not is_busy(reasons[key]))
        if bad:  # in a request that was refused whole, one key may have been at fault
            reasons |= dict.fromkeys(bad, "") | self._deleting.singly(bad)
            still -= set(bad) - self._presence.present(bad)
        return {
            key: Failed(reasons.get(key) or "the store says it is deleted, and lists it")
            if key in still
            else Purged()
            if key in there
            else AlreadyGone()
            for key in keys
        }

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Say which of the keys are not there, by listing.

        Raises:
            StoreUnreachable: the store does not list, or is not the one that was written to.
        """
        keeps_versions = self._check_mark()
        usable = [key for key in keys if not MISREAD.search(key)]
        if keeps_versions:
            return set(keys) - self._all_versions().kept(usable).keys()
        return set(keys) - self._presence.present(usable)

    def discard(self, key: str) -> None:
        """Remove what an upload that broke off may have left under a key.

        Raises:
            StoreUnreachable: it is still there.
        """
        (outcome,) = self.destroy([key])
        if isinstance(outcome, Failed | Retained):
            raise StoreUnreachable(f"An abandoned upload could not be removed: {outcome.reason}")
        if self.versions is not None:
            self.versions.abort_uploads(key)
        if self.opened.folder is not None:  # a local put writes KEY#1 first and renames it; listings do not show those
            target = self.opened.folder / key
            for staged in target.parent.glob(f"{escape(target.name)}#*"):
                if MISREAD.search(staged.name):  # KEY#1 is an upload's, KEY#note would be somebody's object
                    staged.unlink(missing_ok=True)
            for folder in takewhile(self.opened.folder.__ne__, target.parents):
                with suppress(OSError):  # not empty, or not there
                    folder.rmdir()

    def _mark(self) -> None:
        if self._is_marked:
            return
        if self.opened.folder is not None:
            (self.opened.folder / MARK).mkdir(exist_ok=True)
        else:
            try:
                obstore.head(self.opened.store, MARK)
            except FileNotFoundError:
                obstore.put(self.opened.store, MARK, MARK_SAYS)
        self._is_marked = True

    def _check_mark(self) -> bool:
        """Make sure that this is the place that was written to; whether it keeps versions of what is deleted.

        The mark is an object in a bucket, a folder in a folder: an unmounted one has neither, nor any recording.
        """
        try:
            if self.opened.folder is not None:
                (self.opened.folder / MARK).stat()
                return False
            version = obstore.head(self.opened.store, MARK)["version"]
        except FileNotFoundError as exc:
            raise StoreUnreachable(
                f"EBBTIDE_OBJECTS_URL leads to a place without the mark {MARK}, which the first upload leaves: check "
                "that the folder is mounted and that the URL is right. Nothing was called gone."
            ) from exc
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not answer: {first_line(exc)}") from exc
        # others number every object (Google); on S3 only a bucket that keeps or has kept versions does
        self._asked_at = self._timing.monotonic()
        self._versioned = version is not None and self.versions is not None
        return self._versioned

    def _keeps_versions(self) -> bool:
        """Whether the bucket keeps versions, as of a moment ago; where nothing was written yet there are none."""
        if self.versions is None:
            return False
        if self._asked_at is None or self._timing.monotonic() - self._asked_at > _KNOWN_FOR_S:
            try:
                self._check_mark()
            except StoreUnreachable as exc:
                if not isinstance(exc.__cause__, FileNotFoundError):
                    raise
                return False
        return self._versioned

    def _all_versions(self) -> Versions:
        if self.versions is None:
            raise RuntimeError("only S3 is asked for versions")
        return self.versions
