"""The probe: what does this store really do? Tried with throw-away keys, so that nothing has to be believed.

A store is trusted with erasure where each behaviour that a proof leans on was seen: a purge says "gone" by looking,
and looking proves nothing in a store whose listings lag, that keeps what was overwritten, or copies it elsewhere. What
could not be seen counts as not proved.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ebbtide.domain.errors import StoreUnreachable
from ebbtide.stores.objects import trials, trials_s3
from ebbtide.stores.objects.opening import ERRORS, first_line
from ebbtide.stores.objects.s3 import S3_ERRORS
from ebbtide.stores.objects.store import Objects

FOLDER = ".ebbtide-probe"
"""Below it lie the throw-away keys; nothing of it is left afterwards."""


class Seen(StrEnum):
    """How a behaviour was seen."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour of a store.

    Attributes:
        name: short.
        asked: what was done.
        seen: what came of it.
        end: pass, fail or unknown.
        needed: whether erasure cannot be proved where it is not a pass.
    """

    name: str
    asked: str
    seen: str
    end: Seen
    needed: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found.

    Attributes:
        identity: the store's URL, without anything secret.
        behaviours: in the order in which they were tried.
    """

    identity: str
    behaviours: tuple[Behaviour, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this store cannot prove erasure; empty where it can."""
        return tuple(f"{one.name}: {one.seen}" for one in self.behaviours if one.needed and one.end is not Seen.PASS)

    @property
    def proves(self) -> bool:
        """Whether this store can prove erasure."""
        return not self.reasons

    @property
    def in_order(self) -> bool:
        """Whether it was seen to list in the order of its keys."""
        return any(one.name == trials.ORDER and one.end is Seen.PASS for one in self.behaviours)


def probe(objects: Objects, *, now: Callable[[], datetime], name: str = "") -> Probed:
    """Try a store with throw-away keys.

    Args:
        objects: the store.
        now: the host's clock, to hold the store's against.
        name: of the folder of the throw-away keys; random where none is given.

    Raises:
        StoreUnreachable: it does not even take an object.
    """
    place = f"{FOLDER}/{name or secrets.token_hex(8)}"
    bench = trials.Bench(objects, place=place, now=now)
    asked: list[trials.Try] = [*trials.TRIALS, *(trials_s3.TRIALS if objects.s3 is not None else trials_s3.UNASKED)]
    found = []
    try:
        for trial in asked:
            one = _tried(trial, bench=bench)
            if trial is asked[0] and one.end is not Seen.PASS:
                raise StoreUnreachable(f"The object store did not take an object: {one.seen}")
            found.append(one)
    finally:
        with suppress(StoreUnreachable, *ERRORS, *S3_ERRORS):
            bench.clear()
    return Probed(objects.identity, tuple(found))


def _tried(trial: trials.Try, *, bench: trials.Bench) -> Behaviour:
    try:
        end, seen = trial.do(bench)
    except FileNotFoundError as exc:
        end, seen = False, f"what was written is not there: {first_line(exc)}"
    except (StoreUnreachable, *ERRORS, *S3_ERRORS) as exc:
        end, seen = None, f"it could not be asked: {first_line(exc)}"
    ends = {True: Seen.PASS, False: Seen.FAIL, None: Seen.UNKNOWN}
    return Behaviour(trial.name, trial.asked, seen, ends[end], trial.needed)
