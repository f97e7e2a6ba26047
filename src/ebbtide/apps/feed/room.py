"""How much may be under way at once: more is told to come back, before anything of it is read.

Counted for each process, because that is what runs out: its threads, which pages need too, and the memory of a batch.
The rest waits where it lies, at the sender's, who is told for how long.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ebbtide.domain.errors import Busy

BATCHES_AT_ONCE = 2
"""Two keep two cores busy: while one is shaped, the other is written."""
UPLOADS_AT_ONCE = 4
PATIENCE_S = 0.5
"""Somebody who is nearly done is waited for."""
SPARE_BYTES = 512 * 1024 * 1024
"""Left free on the disk that uploads pass through: the database may lie there too."""
_FULL_RETRY_S = 60


class Room:
    """So many at once."""

    def __init__(self, places: int, *, what: str) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._what = what

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a place for as long as the block lasts.

        Raises:
            Busy: there is none.
        """
        if not self._places.acquire(timeout=PATIENCE_S):
            raise Busy(f"As many {self._what} are under way as can be: send it again in a second.", retry_s=1)
        try:
            yield
        finally:
            self._places.release()


batches = Room(BATCHES_AT_ONCE, what="batches")
uploads = Room(UPLOADS_AT_ONCE, what="recordings")


def refuse_full_disk(folder: Path, *, coming: int) -> None:
    """Refuse what would fill the disk.

    Args:
        folder: where it passes through.
        coming: bytes announced.

    Raises:
        Busy: too little would be left.
    """
    if shutil.disk_usage(folder).free - coming < SPARE_BYTES:
        raise Busy(
            "The disk here is nearly full: the operator has to make room. Nothing is lost, send it again later.",
            retry_s=_FULL_RETRY_S,
        )
