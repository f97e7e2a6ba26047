"""What the doctor asks, and what it finds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

NAMED = 20
"""Faults, and notes, that are told one by one; of the rest the number alone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant, looked at.

    Attributes:
        invariant: its number, such as `I13`; or `DAYS`, `DEAD`, `PLAN`, `PRIV`, `RLS`, `ROLE`, `SAMP`, `SUMS`, `WORD`.
        what: what holds where all is well.
        ok: whether it does.
        details: what was found, then what to do about it.
    """

    invariant: str
    what: str
    ok: bool
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Question:
    """One invariant to look at, and what to do where it has fallen."""

    invariant: str
    what: str
    remedy: str

    def open(self) -> "Opened":
        """Begin to look."""
        return Opened(self)


@dataclass(slots=True)
class Opened:
    """A question while it is being asked; keeps no more than a few faults, however many there are."""

    question: Question
    faults: list[str] = field(default_factory=list)
    faulty: int = 0
    notes: list[str] = field(default_factory=list)
    noted: int = 0

    def fault(self, said: Iterable[str], *, of: int) -> None:
        """Take faults in.

        Args:
            said: some of them, in words.
            of: how many there are.
        """
        self.faults += list(said)[: NAMED - len(self.faults)]
        self.faulty += of

    def note(self, said: str) -> None:
        """Take in what is worth knowing and no fault."""
        if len(self.notes) < NAMED:
            self.notes.append(said)
        self.noted += 1

    def close(self) -> Finding:
        """Give what was found."""
        details = [*self.faults, *_more(self.faulty - len(self.faults))]
        if self.faulty:
            details.append(f"What to do: {self.question.remedy}")
        details += [*self.notes, *_more(self.noted - len(self.notes))]
        return Finding(self.question.invariant, self.question.what, not self.faulty, details)


def _more(count: int) -> list[str]:
    return [f"and {count:,} more"] if count > 0 else []
