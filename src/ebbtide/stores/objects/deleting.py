"""Bulk deletes: many keys a request, as many requests at once as the store bears, and a reason for each key left."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import obstore

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.stores.objects.opening import ERRORS, Opened, first_line
from ebbtide.stores.objects.pace import MOST_AT_ONCE, Pace, Patience, Timing

MOST_KEYS = 1_000
"""Keys in one request; S3 takes no more."""
_FEWEST_KEYS = 50
# "ask again": the store is busy, or nobody knows whether it has heard
_BUSY = re.compile(
    r"SlowDown|slow down|TooManyRequests|ServiceUnavailable|InternalError|RequestTimeout|OperationAborted"
    r"|\b(?:429|500|502|503|504)\b|tim(?:ed|e) ?out|connection|reset|broken pipe|error sending request|interrupted",
    re.IGNORECASE,
)

_RUST = "pyo3_runtime"
"""Where an error comes from that the client in Rust had not thought of: an answer that names a key it was not asked."""


def is_busy(said: str) -> bool:
    """Whether a store's words mean: ask again later."""
    return _BUSY.search(said) is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request.

    Attributes:
        keys: it was about.
        seconds: it took.
        said: what went wrong, in the store's words; empty where nothing did.
    """

    keys: Sequence[str]
    seconds: float
    said: str = ""


class Deleting:
    """Deletes keys that are there; what is still there afterwards is the caller's to look for."""

    def __init__(
        self,
        opened: Opened,
        *,
        pace: Pace,
        timing: Timing,
        patience: Patience,
        present: Callable[[list[str]], set[str]],
    ) -> None:
        """Take a store.

        Args:
            opened: the store.
            pace: how many requests at once.
            timing: where time comes from.
            patience: how often a busy store is asked again.
            present: says which keys are there; asked before anything is asked of the store again, because an answer
                that was lost may have been a success.
        """
        self._opened = opened
        self._pace = pace
        self._timing = timing
        self._patience = patience
        self._present = present

    def bulk(self, keys: list[str]) -> dict[str, str]:
        """Delete keys that are there; gives for those that may not have gone what the store said.

        Raises:
            StoreUnreachable: the store never took any of it.
        """
        refused: dict[str, str] = {}
        left, said = keys, ""
        for attempt in self._patience.tries(self._timing):
            if attempt:
                left = sorted(self._present(left))
                if not left:
                    return refused
            busy: list[str] = []
            for answer in self._round(left):
                if is_busy(answer.said):
                    busy += answer.keys
                    said = answer.said
                elif answer.said:
                    refused |= dict.fromkeys(answer.keys, answer.said)
            if not busy:
                return refused
            left = busy
        if len(left) == len(keys):
            raise StoreUnreachable(f"The object store did not delete anything, however often it was asked: {said}")
        return refused | dict.fromkeys(left, f"the store was busy for too long: {said}")

    def singly(self, keys: list[str]) -> dict[str, str]:
        """Delete keys one by one, so that one bad key harms no other; gives reasons by key."""
        with ThreadPoolExecutor(self._pace.at_once) as pool:
            answers = pool.map(lambda key: self._ask([key]), keys)
            return {answer.keys[0]: answer.said for answer in answers if answer.said}

    def _round(self, keys: list[str]) -> list[Answer]:
        """Ask for all keys once, side by side."""
        parts = [keys] if self._opened.folder is not None else _parts(keys, at_once=self._pace.at_once)
        if len(parts) == 1:
            answers = [self._ask(parts[0])]
        else:
            with ThreadPoolExecutor(min(len(parts), MOST_AT_ONCE)) as pool:
                answers = list(pool.map(self._ask, parts))
        times = [answer.seconds / len(answer.keys) for answer in answers if not answer.said]
        self._pace.learn(
            seconds_a_key=max(times, default=None), refused=any(is_busy(answer.said) for answer in answers)
        )
        return answers

    def _ask(self, keys: Sequence[str]) -> Answer:
        began = self._timing.monotonic()
        said = ""
        try:
            obstore.delete(self._opened.once, list(keys))
        except FileNotFoundError:  # somebody was first with one of them, and the others are left where they are
            said = self._rest(keys)
        except ERRORS as exc:
            said = first_line(exc)
        except BaseException as exc:
            if type(exc).__module__ != _RUST:  # a client of ours in Python would be at fault, not the answer
                raise
            said = f"its answer could not be understood ({first_line(exc)})"
        return Answer(keys, self._timing.monotonic() - began, said)

    def _rest(self, keys: Sequence[str]) -> str:
        said = ""
        for key in keys if len(keys) > 1 else ():
            try:
                obstore.delete(self._opened.once, key)
            except FileNotFoundError:
                continue
            except ERRORS as exc:
                said = first_line(exc)
        return said


def _parts(keys: list[str], *, at_once: int) -> list[list[str]]:
    """Cut keys into as many requests as are sent at once, within what a request may hold."""
    size = min(MOST_KEYS, max(_FEWEST_KEYS, -(-len(keys) // at_once)))
    return [keys[first : first + size] for first in range(0, len(keys), size)]
