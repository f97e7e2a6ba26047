"""How ages in days are put into bars: bars of a round width, whose ends fall on round ages.

Age 400 is the last of its bar, not the first of the next: "older than 400 days" begins at 401, so that a retention of a
round number of days falls between two bars.
"""

from dataclasses import dataclass

from ebbtide.web.charts.scales import round_step

MOST_BARS = 60
_TICKS = 6


@dataclass(frozen=True, slots=True)
class AgeBins:
    """Bars of `width` days each, `count` of them: what is up to width days old, then up to 2 width, and so on."""

    width: int
    count: int

    def span(self, place: int) -> tuple[int, int]:
        """Give the youngest and the oldest age of a bar; the first one begins at 0."""
        return (place * self.width + 1 if place else 0, (place + 1) * self.width)

    def place(self, age: int) -> int:
        """Give the bar of an age, from 0; what is younger than a day stands in the first."""
        return max(0, (age - 1) // self.width)

    def line(self, days: int) -> float:
        """Give where a retention of so many days stands, in bars from the left."""
        return days / self.width

    def ticks(self) -> list[tuple[float, int]]:
        """Give round ages along the axis: place in bars, and days."""
        longest = self.width * self.count
        step = max(self.width, round_step(longest, parts=_TICKS))
        return [(days / self.width, days) for days in range(0, longest + 1, step)]


def age_bins(oldest: int, *, lines: list[int]) -> AgeBins:
    """Choose bars for what is stored.

    Args:
        oldest: age of the oldest day, in days.
        lines: retentions that should be seen too; those far beyond all data are left outside.
    """
    near = [days for days in lines if days <= max(oldest * 1.5, 30)]
    longest = max(1, oldest, *(days + 1 for days in near))
    width = round_step(longest, parts=MOST_BARS)
    return AgeBins(width, -(-longest // width))
