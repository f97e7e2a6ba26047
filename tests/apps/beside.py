"""Something done in another thread, while the test does something else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

from ebbtide.domain.errors import Taken


@contextmanager
def beside(deed: Callable[[], str]) -> Iterator[list[str]]:
    """Do it in a thread of its own, which is waited for; gives what it came to: `taken` where it was Taken."""
    ends: list[str] = []

    def work() -> None:
        try:
            ends.append(deed())
        except Taken:
            ends.append("taken")
        finally:
            connections.close_all()  # this thread's own

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ends
    finally:
        thread.join()
