"""Which keys are there: by listing where listings are all there is to see by, by name in a folder."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import obstore

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.stores.objects.opening import ERRORS, MARK, Opened, first_line

if TYPE_CHECKING:
    from obstore import ObjectMeta

_LISTINGS = 8
_PAGE = 1_000


# Keys whose file bears the same name whatever the client makes of odd characters; ours are all of this form.
_PLAIN = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


class Presence:
    """Looks into a store.

    Attributes:
        in_order: whether the store is known to list in the order of its keys (the probe finds out). Then a listing
            begins before the first key asked for and ends behind the last one, so that looking for a thousand of a
            million costs a thousand.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.in_order = False

    def keys(self, prefix: str) -> Iterator[str]:
        """List the keys below a prefix of whole path segments.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        for page in self.pages(prefix):
            yield from page

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the keys below a prefix of whole path segments, with the bytes of each.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        for page in self._listed_pages(prefix):
            yield from ((meta["path"], meta["size"]) for meta in page if meta["path"] != MARK)

    def pages(self, prefix: str, *, after: str | None = None) -> Iterator[list[str]]:
        """List the keys below a prefix, or those of them that come after a key, as many at once as the store gives.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        for page in self._listed_pages(prefix, after=after):
            yield [meta["path"] for meta in page if meta["path"] != MARK]

    def _listed_pages(self, prefix: str, *, after: str | None = None) -> Iterator[Sequence["ObjectMeta"]]:
        try:
            yield from obstore.list(self._opened.store, prefix or None, offset=after, chunk_size=_PAGE)
        except ERRORS as exc:
            raise StoreUnreachable(f"The object store did not list its keys: {first_line(exc)}") from exc

    def present(self, keys: Sequence[str]) -> set[str]:
        """Find out which of the keys are there.

        Raises:
            StoreUnreachable: the store does not answer.
        """
        if self._opened.folder is not None:
            return self._in_folder(keys)
        folders = by_folder(keys)
        if len(folders) == 1:
            return self._listed(*next(iter(folders.items())))
        with ThreadPoolExecutor(_LISTINGS) as pool:
            return set().union(*pool.map(lambda folder: self._listed(folder, folders[folder]), folders))

    def _in_folder(self, keys: Sequence[str]) -> set[str]:
        """Ask the file system for each name: a listing asks it for every file in the folder."""
        plain = [key for key in keys if _PLAIN.fullmatch(key)]
        there = {key for key in plain if _is_there(f"{self._opened.folder}/{key}")}
        for folder, odd in by_folder(sorted(set(keys).difference(plain))).items():
            there |= odd.intersection(self.keys(folder))
        return there

    def _listed(self, folder: str, wanted: set[str]) -> set[str]:
        if not self.in_order:
            return wanted.intersection(self.keys(folder))
        first, last = min(wanted, key=str.encode), max(wanted, key=str.encode)
        found = _stretch(self.pages(folder, after=first[:-1]), last=last)
        if found is None:
            self.in_order = False
            return wanted.intersection(self.keys(folder))
        return wanted & found


def _is_there(path: str) -> bool:
    """Whether a file is there; whoever cannot know must not say no.

    Raises:
        StoreUnreachable: the file system does not answer.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise StoreUnreachable(f"The folder of objects cannot be looked into: {exc.strerror}") from exc
    return True


def by_folder(keys: Sequence[str]) -> dict[str, set[str]]:
    """Put keys together by the folder they lie in."""
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys:
        folders[key.rpartition("/")[0]].add(key)
    return folders


def _stretch(pages: Iterator[list[str]], *, last: str) -> set[str] | None:
    """Read a listing up to a key; None where it turns out to be in no order, which the rest of the last page shows."""
    found: set[str] = set()
    before, end = b"", last.encode()
    for page in pages:
        for key in page:
            place = key.encode()
            if place < before:
                return None
            before = place
        found.update(page)
        if before > end:
            break
    return found
