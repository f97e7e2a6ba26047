"""Recordings and transcripts, in any object store obstore speaks to: a local folder by default, S3-compatible by URL.

What a store answers to a delete is not believed: some say success for keys that were never there, some fail a whole
bulk request for one key. So the place is listed before and after, and the difference is the outcome.

Nor is emptiness believed. A folder that is not mounted, or a prefix that was mistyped, lists nothing, and every
recording in the real place would be booked as already gone. So the first upload leaves a mark, and nothing is called
gone where the mark is not. And where the mark itself is kept in versions, a delete would only hide things: it is not
tried.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from glob import escape
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.domain.outcome import AlreadyGone, Failed, Outcome, Purged

if TYPE_CHECKING:  # obstore exports these to type checkers alone
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_ERRORS = (BaseError, OSError)
_MARK = ".ebbtide"
_MARK_SAYS = b"Ebbtide keeps recordings and transcripts here. Where this file is missing it calls nothing deleted.\n"
_VERSIONS = "the bucket keeps versions, so a delete would only hide it: give a bucket without versioning"
_LISTINGS = 8
_PARTS_AT_ONCE = 2
"""Parts of one upload in flight, of 5 MiB each: eight uploads side by side stay below 120 MiB."""
_READ_BYTES = 1024 * 1024
"""Handed on at a time when reading: obstore's own 10 MiB came to 30 MiB a reader, with its copies."""
_CLIENT: "ClientConfig" = {
    "timeout": timedelta(seconds=30),
    "connect_timeout": timedelta(seconds=10),
    "allow_http": True,
}
_RETRY: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
# Some stores take these for another key (a//b, ../b, a\\b), and the local folder hides names that end in #1: an object
# that is there would look gone under the name it was asked for.
_MISREAD = re.compile(r"^$|^/|//|/$|(^|/)\.\.?(/|$)|[\\\x00-\x1f\x7f\ud800-\udfff]|#[0-9]+$")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: its size in bytes and its SHA-256 (32 bytes)."""

    size: int
    sha256: bytes


class Objects:
    """An object store by URL (file:///folder, s3://bucket/prefix, …), credentials from the operator's environment."""

    def __init__(self, url: str) -> None:
        """Open the store.

        Raises:
            InputInvalid: the URL names no store that can be opened.
        """
        self._folder: Path | None = None
        self._is_marked = False
        parts = urlsplit(url)
        try:
            if parts.scheme == "file":
                self._folder = Path(unquote(parts.path))
                self._store: ObjectStore = LocalStore(self._folder, mkdir=True, automatic_cleanup=True)
            else:
                self._store = from_url(url, client_options=_CLIENT, retry_config=_RETRY)
        except (*_ERRORS, ValueError) as exc:
            raise InputInvalid(
                f"EBBTIDE_OBJECTS_URL cannot be opened ({_first_line(exc)}): give file:///folder or s3://bucket/prefix.",
                field="EBBTIDE_OBJECTS_URL",
            ) from exc

    def put(self, key: str, chunks: Iterable[bytes]) -> Stored:
        """Stream an object in.

        Raises:
            InputInvalid: the key is one that stores would take for another.
            StoreUnreachable: it could not be written whole.
        """
        if _MISREAD.search(key):
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
            obstore.put(self._store, key, counted(), max_concurrency=_PARTS_AT_ONCE)
        except _ERRORS as exc:
            raise StoreUnreachable(f"The object store did not take an object: {_first_line(exc)}") from exc
        return Stored(size, digest.digest())

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object out.

        Raises:
            StoreUnreachable: it could not be read.
        """
        try:
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=_READ_BYTES):
                yield bytes(chunk)
        except _ERRORS as exc:
            raise StoreUnreachable(f"The object store did not give an object: {_first_line(exc)}") from exc

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix (whole path segments; a trailing slash is optional; "" for all).

        Raises:
            StoreUnreachable: the store does not answer.
        """
        try:
            for page in obstore.list(self._store, prefix or None):
                for meta in page:
                    if meta["path"] != _MARK:
                        yield meta["path"]
        except _ERRORS as exc:
            raise StoreUnreachable(f"The object store did not list its keys: {_first_line(exc)}") from exc

    def destroy(self, keys: Sequence[str]) -> Sequence[Outcome]:
        """Delete objects and see that they are gone; one outcome a key, in order.

        Raises:
            StoreUnreachable: the store does not even list, or is not the one that was written to.
        """
        if not keys:
            return []
        keeps_versions = self._check_mark()
        usable = [key for key in keys if not _MISREAD.search(key)]
        there = self._present(usable)
        reasons = dict.fromkeys(there, _VERSIONS) if keeps_versions else self._delete(sorted(there))
        still = self._present(sorted(there)) if there else set()
        return [
            Failed("stores would take its key for another")
            if _MISREAD.search(key)
            else Failed(reasons.get(key, "the store says it is deleted, and lists it"))
            if key in still
            else Purged()
            if key in there
            else AlreadyGone()
            for key in keys
        ]

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Say which of the keys are not there, by listing.

        Raises:
            StoreUnreachable: the store does not list, or is not the one that was written to.
        """
        self._check_mark()
        return set(keys) - self._present([key for key in keys if not _MISREAD.search(key)])

    def discard(self, key: str) -> None:
        """Remove what an upload that broke off may have left under a key.

        Raises:
            StoreUnreachable: it is still there.
        """
        (outcome,) = self.destroy([key])
        if isinstance(outcome, Failed):
            raise StoreUnreachable(f"An abandoned upload could not be removed: {outcome.reason}")
        if self._folder is not None:  # a local put writes KEY#1 first and renames it; listings do not show those
            target = self._folder / key
            for staged in target.parent.glob(f"{escape(target.name)}#*"):
                if _MISREAD.search(staged.name):  # KEY#1 is an upload's, KEY#note would be somebody's object
                    staged.unlink(missing_ok=True)
            for folder in takewhile(self._folder.__ne__, target.parents):
                with suppress(OSError):  # not empty, or not there
                    folder.rmdir()

    def _mark(self) -> None:
        if self._is_marked:
            return
        if self._folder is not None:
            (self._folder / _MARK).mkdir(exist_ok=True)
        else:
            try:
                obstore.head(self._store, _MARK)
            except FileNotFoundError:
                obstore.put(self._store, _MARK, _MARK_SAYS)
        self._is_marked = True

    def _check_mark(self) -> bool:
        """Make sure that this is the place that was written to; whether it keeps versions of what is deleted.

        The mark is an object in a bucket, a folder in a folder: an unmounted one has neither, nor any recording.
        """
        try:
            if self._folder is not None:
                (self._folder / _MARK).stat()
                return False
            version = obstore.head(self._store, _MARK)["version"]
        except FileNotFoundError as exc:
            raise StoreUnreachable(
                f"EBBTIDE_OBJECTS_URL leads to a place without the mark {_MARK}, which the first upload leaves: check "
                "that the folder is mounted and that the URL is right. Nothing was called gone."
            ) from exc
        except _ERRORS as exc:
            raise StoreUnreachable(f"The object store did not answer: {_first_line(exc)}") from exc
        # others number every object (Google); on S3 only a bucket that keeps or has kept versions does
        return version is not None and isinstance(self._store, S3Store)

    def _delete(self, keys: list[str]) -> dict[str, str]:
        """Delete in bulk; where that fails, one by one, so that one bad key harms no other. Gives reasons by key."""
        if not keys:
            return {}
        try:
            obstore.delete(self._store, keys)
        except _ERRORS:
            reasons = {}
            for key in keys:
                try:
                    obstore.delete(self._store, key)
                except FileNotFoundError:
                    continue
                except _ERRORS as exc:
                    reasons[key] = _first_line(exc)
            return reasons
        return {}

    def _present(self, keys: Sequence[str]) -> set[str]:
        """Find out by listing which of the keys are there: one listing per folder, not one question per key."""
        folders: defaultdict[str, set[str]] = defaultdict(set)
        for key in keys:
            folders[key.rpartition("/")[0]].add(key)
        with ThreadPoolExecutor(_LISTINGS) as pool:
            found = pool.map(lambda folder: folders[folder].intersection(self.keys(folder)), folders)
            return set().union(*found)


def _first_line(exc: Exception) -> str:
    """Give the first line of a store's message; the rest is its debug output."""
    return str(exc).partition("\n")[0][:300]
