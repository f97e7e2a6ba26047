"""What a reconciliation finds, and how it names it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CELL_ITEMS, CELL_BYTES = "cell items", "cell bytes"
CELL_DRIFTS = frozenset({CELL_ITEMS, CELL_BYTES})
"""Drifts between counts and rows; all others are between rows and objects."""
MISSING, UNKNOWN, UPLOAD, CLAIM, ORPHAN = "object missing", "object unknown", "abandoned upload", "claim", "orphan"

CHECK_ONLY = "not mended: run `ebbtide reconcile` without --check"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what is counted or listed and what is there.

    Attributes:
        org: the organization's number.
        what: `cell items`, `cell bytes`, `object missing`, `object unknown`, `abandoned upload`, `claim` or `orphan`.
        where: the cell, or the key or folder in the store.
        counted: what counts or index rows say.
        there: what was found.
        done: what has been done about it, or what to do.
    """

    org: int
    what: str
    where: str
    counted: int
    there: int
    done: str


@dataclass(slots=True)
class Reconciled:
    """What a reconciliation came to: every difference, and how many cells and objects were compared."""

    drifts: list[Drift] = field(default_factory=list)
    cells: int = 0
    objects: int = 0

    def add(self, other: "Reconciled") -> None:
        """Add what came of another organization."""
        self.drifts += other.drifts
        self.cells += other.cells
        self.objects += other.objects


def told(org: int, what: str, *, keys: Iterable[str], counted: int = 0, done: str) -> Iterator[Drift]:
    """Put keys of one folder together: one difference for each folder, however many keys it has."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        folders[key.rpartition("/")[0]].append(key)
    for folder, members in folders.items():
        yield Drift(org, what, where(folder, members[0], len(members)), counted * len(members), len(members), done)


def where(folder: str, example: str, items: int) -> str:
    """Name one object by its key, several by their folder."""
    return example if items == 1 else f"{folder}/ ({items:,} keys, such as {example.rpartition('/')[2]})"
