"""The pace: how many bytes come in on each day of the week, and how far weeks differ.

Drawn from what came in during the last eight weeks, day by day, whether it is still there or has been purged since. A
holiday or a flood must not bend a year's forecast, so of the eight Mondays the two highest and the two lowest are left
out, and likewise for every other weekday. Whole bytes throughout: what is foretold of Qs adds up to what is foretold of
all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

WEEK = 7
PACE_WEEKS = 8
"""Whole weeks a pace is drawn from, where there are so many."""
SPREAD_WEEKS = 52
"""Whole weeks that tell how far weeks differ."""
FEWEST_WEEKS = 4
"""Weeks of history below which a pace is a guess, and there is no spread."""
LOW, HIGH = Fraction(1, 10), Fraction(9, 10)
"""The band holds the middle 80 % of weeks."""
_LOWEST = Fraction(1, 3)
"""A centre that has just begun has weeks next to nothing; they do not foretell that it grows without end."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What comes in.

    Attributes:
        by_weekday: bytes a day, Monday first.
        days: of history it is drawn from; 0 where nothing is known.
    """

    by_weekday: tuple[int, ...] = (0,) * WEEK
    days: int = 0

    def on(self, day: date) -> int:
        """Give the bytes expected on a date."""
        return self.by_weekday[day.weekday()]

    @property
    def weekly(self) -> int:
        """Bytes a week."""
        return sum(self.by_weekday)

    @property
    def is_short(self) -> bool:
        """Whether too few weeks are known to lean on it."""
        return self.days < FEWEST_WEEKS * WEEK

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(
            tuple(one + two for one, two in zip(self.by_weekday, other.by_weekday, strict=True)),
            max(self.days, other.days),
        )


def _half_up(total: int, count: int) -> int:
    return (2 * total + count) // (2 * count)


def _middle(values: Sequence[int]) -> int:
    """Take the mean without the highest and the lowest quarter.

    Where data comes only now and then a quiet day is no outlier, and a busy one is all there is: there nothing is left
    out.
    """
    cut = len(values) // 4
    if values.count(0) > cut:
        cut = 0
    kept = sorted(values)[cut : len(values) - cut]
    return _half_up(sum(kept), len(kept))


def pace_of(daily: Sequence[int], *, last: date) -> Pace:
    """Draw the pace from what came in.

    Args:
        daily: bytes of each day without a gap, 0 where nothing came; the newest last, and the last eight weeks count.
        last: the date of the newest.
    """
    known = daily[-PACE_WEEKS * WEEK :]
    if not known:
        return Pace()
    weekdays: list[list[int]] = [[] for _ in range(WEEK)]
    for back, amount in enumerate(reversed(known)):
        weekdays[(last.weekday() - back) % WEEK].append(amount)
    overall = _half_up(sum(known), len(known))  # for weekdays not seen yet, in a first week
    return Pace(tuple(_middle(values) if values else overall for values in weekdays), len(known))


@dataclass(frozen=True, slots=True)
class Spread:
    """How far weeks differ from the pace.

    Attributes:
        low: a week that only one in ten stays below, as a share of the pace; at most 1.
        high: a week that only one in ten exceeds; at least 1.
        weeks: it is drawn from; 0 where there are too few, and the band has no width.
    """

    low: Fraction = Fraction(1)
    high: Fraction = Fraction(1)
    weeks: int = 0


def whole_weeks(daily: Sequence[int]) -> list[int]:
    """Add days up to weeks that end with the newest day, the newest week last; a broken first week is left out."""
    count = min(len(daily) // WEEK, SPREAD_WEEKS)
    return [sum(daily[len(daily) - back * WEEK : len(daily) - (back - 1) * WEEK]) for back in range(count, 0, -1)]


def spread_of(weeks: Sequence[int], *, pace: Pace) -> Spread:
    """Say how far weeks differ from the pace.

    Args:
        weeks: bytes of whole weeks, the newest last.
        pace: that of the same data.
    """
    known = weeks[-SPREAD_WEEKS:]
    if len(known) < FEWEST_WEEKS or not pace.weekly:
        return Spread()
    shares = sorted(Fraction(week, pace.weekly) for week in known)
    low, high = _quantile(shares, LOW), _quantile(shares, HIGH)
    # weeks that were lower may tell of growth: as much may come on top of the pace, and the other way round
    mirrored_low = 1 / max(high, _LOWEST)  # most weeks may have been empty
    mirrored_high = 1 / max(low, _LOWEST)
    return Spread(min(Fraction(1), low, mirrored_low), max(Fraction(1), high, mirrored_high), len(known))


def _quantile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    """Give a quantile, between two values where it falls between them."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
