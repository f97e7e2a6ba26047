"""How hard a store is pressed: how many requests at once, and how long one waits before asking again.

The number of requests at once follows the store: one more while answers hold their time, half where it says no
(SlowDown, 503, no answer in time). It is what TCP does with a line nobody knows the width of.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_AT_ONCE = 16
_FIRST_AT_ONCE = 8
_HOLDS = 1.5
"""An answer that takes so many times the best one known does not hold its time any more."""
_FORGET = 1.02
"""By how much the best time known is let go with each round: a store that grew slower for good is not held to it."""


class Pace:
    """Requests at once; shared by all threads that use a store."""

    def __init__(self, *, first: int = _FIRST_AT_ONCE, most: int = MOST_AT_ONCE) -> None:
        self._at_once = first
        self._most = most
        self._best_s: float | None = None
        self._lock = threading.Lock()

    @property
    def at_once(self) -> int:
        """How many requests the store is given at once now."""
        return self._at_once

    def learn(self, *, seconds_a_key: float | None, refused: bool) -> None:
        """Take in how a round of requests went.

        Args:
            seconds_a_key: how long a request took for each of its keys, the slowest of those that were answered; None
                where none was.
            refused: whether the store asked for less, or did not answer in time.
        """
        with self._lock:
            if refused:
                self._at_once = max(1, self._at_once // 2)
                self._best_s = None  # measured under other conditions
            elif seconds_a_key is not None:
                best = self._best_s
                if best is None or seconds_a_key <= best * _HOLDS:
                    self._at_once = min(self._most, self._at_once + 1)
                self._best_s = seconds_a_key if best is None else min(best * _FORGET, seconds_a_key)


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time comes from, so that tests need not wait for it.

    Attributes:
        sleep: waits so many seconds.
        monotonic: seconds of a clock that only goes forward.
        chance: a number from 0 up to 1.
    """

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = secrets.SystemRandom().random


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and for how long, a store is asked again.

    Attributes:
        attempts: at most.
        first_s, longest_s: the first wait, doubled with each attempt up to the longest; between half and all of it is
            waited, by chance, so that many workers do not come back at the same moment.
        in_all_s: no attempt begins so many seconds after the first.
    """

    attempts: int = 6
    first_s: float = 0.2
    longest_s: float = 10.0
    in_all_s: float = 60.0

    def tries(self, timing: Timing) -> Iterator[int]:
        """Give the number of each attempt, waiting before all but the first; ends when patience does."""
        began = timing.monotonic()
        for attempt in range(self.attempts):
            if attempt:
                wait = min(self.longest_s, self.first_s * 2 ** (attempt - 1)) * (0.5 + timing.chance() / 2)
                if timing.monotonic() + wait - began >= self.in_all_s:
                    return
                timing.sleep(wait)
            yield attempt
