"""How large a batch is: as large as the time it takes allows.

A batch holds its rows' locks until it ends, and nobody can stop it before. So its size follows what it took: a batch
that was slower than its target halves the next one, one that was well below it adds a step. Halving is quick and adding
slow, so that a store or disk that comes under load is relieved at once and tried again gently.
"""

from dataclasses import dataclass

LOCKED_S = 0.1
"""Seconds a batch aims to hold row locks: half of what nobody may wait, because the next one is only a guess."""
DESTROYING_S = 5.0
"""Seconds a batch of objects aims to take as a whole: so long a kill switch may have to wait."""
_WELL_BELOW = 0.5
_STEPS = 5
_SMALLEST = 50


@dataclass(slots=True)
class BatchSize:
    """The size of the next batch.

    Attributes:
        size: items the next batch takes.
        start: items the first one takes; the size stays between a fiftieth of it and `most`.
        most: items a batch takes at the most.
    """

    size: int
    start: int
    most: int

    @classmethod
    def starting_at(cls, start: int, *, most: int | None = None) -> "BatchSize":
        """Begin at a size, which is also the largest unless told otherwise."""
        return cls(start, start, max(start, most or start))

    def took(self, seconds: float, *, items: int, target: float) -> None:
        """Learn from a batch.

        Args:
            seconds: it took.
            items: it had; a batch that was far from full says nothing about a larger one.
            target: seconds it should have taken at the most.
        """
        if seconds > target:
            self.size = max(1, self.start // _SMALLEST, self.size // 2)
        elif seconds < target * _WELL_BELOW and items * 2 >= self.size:
            self.size = min(self.most, self.size + max(1, self.start // _STEPS))
