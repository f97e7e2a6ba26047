"""Read every file below a folder, byte by byte, and count which needles are in them."""

import re
from collections.abc import Collection
from pathlib import Path


def found_in(folder: Path, *, needles: Collection[bytes]) -> set[bytes]:
    """Give the needles that any file below a folder holds; all of one length, so that one pass finds them."""
    pattern = re.compile(b"|".join(re.escape(needle) for needle in needles))
    found: set[bytes] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found.update(pattern.findall(path.read_bytes()))
    return found
