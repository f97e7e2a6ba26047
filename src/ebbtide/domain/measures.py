"""What a queue's report says: counts, and the measures made of them, exactly.

Measures are fractions, so that what is added up over hours, days and Qs is the same whatever the order, and rounding
happens once, where somebody reads. A measure of nothing is None and never 0: no call answered is not a speed of 0
seconds. Each is defined with an example in docs/measures.md, which a test works through.

All of them are of what was *offered*: segments that entered the Q. An outbound segment did not, and only counts among
the items.
"""

from dataclasses import dataclass, fields
from fractions import Fraction

THRESHOLDS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300)
"""Seconds a service level can be asked for; sums are kept for each of them."""
DEFAULT_THRESHOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What can be added up: over hours, days, channels and Qs.

    Attributes:
        items: segments, those that were not offered too.
        offered: segments that entered the Q.
        answered, abandoned, flowed_out, callbacks: of these, by how they ended.
        wait_s, waits: seconds waited by those answered whose wait is known, and how many these are.
        talk_s, talks: seconds of talk of those answered whose talk is known, and how many these are.
        hold_s, holds, wrap_s, wraps: of the same segments: seconds on hold and of wrap-up, and of how many known.
        abandon_waits: abandoned ones whose wait is known.
        answered_in: answered ones whose wait is known and within the Q's threshold.
        abandoned_in: abandoned ones likewise.
        longest_s: the longest wait of those offered; None where none is known.
    """

    items: int = 0
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    flowed_out: int = 0
    callbacks: int = 0
    wait_s: int = 0
    waits: int = 0
    talk_s: int = 0
    talks: int = 0
    hold_s: int = 0
    holds: int = 0
    wrap_s: int = 0
    wraps: int = 0
    abandon_waits: int = 0
    answered_in: int = 0
    abandoned_in: int = 0
    longest_s: int | None = None

    def __add__(self, other: "Sums") -> "Sums":
        """Add up two disjoint parts."""
        waits = [one for one in (self.longest_s, other.longest_s) if one is not None]
        added = {name: getattr(self, name) + getattr(other, name) for name in _ADDED}
        return Sums(**added, longest_s=max(waits, default=None))

    @property
    def service_level(self) -> Fraction | None:
        """Answered within the threshold, of those answered, or abandoned after it; known waits alone."""
        return _share(self.answered_in, self.waits + self.abandon_waits - self.abandoned_in)

    @property
    def asa(self) -> Fraction | None:
        """Average speed of answer, in seconds."""
        return _share(self.wait_s, self.waits)

    @property
    def aht(self) -> Fraction | None:
        """Average handle time, in seconds: talk, hold and wrap-up of those answered whose talk is known."""
        return _share(self.talk_s + self.hold_s + self.wrap_s, self.talks)

    @property
    def abandonment(self) -> Fraction | None:
        """Abandoned of those offered."""
        return _share(self.abandoned, self.offered)

    @property
    def other(self) -> int:
        """Offered ones whose outcome is not known."""
        return self.offered - self.answered - self.abandoned - self.flowed_out - self.callbacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What agents handled, and for how long: what can be added up over agents, days, channels and Qs.

    Attributes:
        handled: segments they answered, outbound ones too.
        outbound: of these, outbound ones.
        talks: of those handled, whose talk is known.
        talk_s, hold_s, wrap_s: of these, seconds of talk, on hold and of wrap-up.
        busy_s, span_s: over the days of which it can be known: seconds at contacts, and from the beginning of a day's
            first contact to the end of its last.
    """

    handled: int = 0
    outbound: int = 0
    talks: int = 0
    talk_s: int = 0
    hold_s: int = 0
    wrap_s: int = 0
    busy_s: Fraction = Fraction()
    span_s: Fraction = Fraction()

    def __add__(self, other: "Handled") -> "Handled":
        """Add up two disjoint parts."""
        return Handled(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(Handled)})

    @property
    def time_s(self) -> int:
        """Seconds of talk, hold and wrap-up."""
        return self.talk_s + self.hold_s + self.wrap_s

    @property
    def aht(self) -> Fraction | None:
        """Average handle time, in seconds, of those whose talk is known."""
        return _share(self.time_s, self.talks)

    @property
    def occupancy(self) -> Fraction | None:
        """Share of the time from a day's first contact to its last that was spent at contacts."""
        return self.busy_s / self.span_s if self.span_s else None


_ADDED = tuple(one.name for one in fields(Sums) if one.name != "longest_s")


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def change(now: Fraction | int | None, before: Fraction | int | None) -> Fraction | None:
    """Give by what share a value has grown (negative: shrunk); None where there is nothing to compare.

    Args:
        now: the value.
        before: the same of the period before.
    """
    if now is None or before is None or before == 0:
        return None
    return Fraction(now - before) / Fraction(before)
