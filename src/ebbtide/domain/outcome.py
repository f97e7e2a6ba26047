"""How things end: single items as values, runs as one word and four numbers.

An item that could not be deleted is no exception: the others go on. A run that did not reach or could not delete
something is never *completed*.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Purged:
    """It was there, it was destroyed, and it was seen to be gone."""


@dataclass(frozen=True, slots=True)
class AlreadyGone:
    """It was not there any more; that counts as success and is told apart."""


@dataclass(frozen=True, slots=True)
class Retained:
    """The store itself keeps it, for the reason given."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be destroyed, for the reason given; it stays listed and is tried again."""

    reason: str


Outcome = Purged | AlreadyGone | Retained | Failed


class RunOutcome(StrEnum):
    """How a run ended."""

    SIMULATED = "simulated"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The four numbers of a run, in items."""

    purged: int = 0
    kept: int = 0
    failed: int = 0
    not_reached: int = 0

    @property
    def outcome(self) -> RunOutcome:
        """What the numbers of a carried-out run amount to."""
        return RunOutcome.INCOMPLETE if self.kept or self.failed or self.not_reached else RunOutcome.COMPLETED
