"""The cell: everything of one queue, one org-local day and one data type.

The one idea of the product. All a retention job can say is the same for all data of one cell, so cells are what is
planned, counted, purged, billed and proved; nothing that decides ever looks at single rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DataType(StrEnum):
    """The four kinds of Q-interaction data."""

    INSIGHTS = "insights"
    AUDIO = "audio"
    TRANSCRIPT = "transcript"
    DESKTOP = "desktop"

    @property
    def is_object(self) -> bool:
        """Whether items of this type are objects in a store (else: rows of the reporting tables)."""
        return self is not DataType.INSIGHTS


OBJECT_TYPES = tuple(kind for kind in DataType if kind.is_object)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One queue's data of one type and day, counted.

    Attributes:
        day: org-local date on which the segments ended.
        data_type: which of the four.
        queue: the queue's number.
        items: segments, or objects.
        bytes: their content, in bytes.
    """

    day: date
    data_type: DataType
    queue: int
    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Amount:
    """Items and bytes together."""

    items: int = 0
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.items + other.items, self.bytes + other.bytes)


def total(cells: Iterable[Cell]) -> Amount:
    """Add up cells."""
    items = size = 0
    for cell in cells:
        items += cell.items
        size += cell.bytes
    return Amount(items, size)
