"""Needles, and a look at every byte of every file below a folder.

A needle is a word that occurs nowhere else: a fixed beginning and sixteen hexadecimal digits. So one pass over a file
finds all of them, however many there are.
"""

import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_NEEDLE = re.compile(rb"ndl[0-9a-f]{16}")
_AT_ONCE = 1 << 24
_LONGEST = 19


def needles(count: int) -> list[str]:
    """Make so many needles."""
    return [f"ndl{secrets.token_hex(8)}" for _ in range(count)]


def found_in(folder: Path, among: Iterable[str]) -> Mapping[str, set[str]]:
    """Find needles in the files below a folder, byte by byte.

    Args:
        folder: all files below it are read; those that go meanwhile are passed by.
        among: the needles looked for; others are ignored.

    Returns:
        Path below the folder -> needles found in it; files without any are left out.
    """
    wanted = {needle.encode() for needle in among}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if not file.is_file():
                continue
            for needle in _in_file(file) & wanted:
                found[file.relative_to(folder).as_posix()].add(needle.decode())
    return found


def _in_file(file: Path) -> set[bytes]:
    seen: set[bytes] = set()
    with file.open("rb") as stream:
        tail = b""
        while block := stream.read(_AT_ONCE):
            seen.update(_NEEDLE.findall(tail + block))
            tail = block[-_LONGEST:]  # a needle may lie across two blocks
    return seen
