"""What every import shares: counts that add up, and the file of what was rejected."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from io import TextIOWrapper
from pathlib import Path
from typing import Self


@dataclass(slots=True)
class Tally:
    """Counts of one kind of import; its fields are its ends."""

    def add(self, other: Self) -> None:
        """Add another batch's counts."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def told(self) -> dict[str, int]:
        """Give the counts by name."""
        return asdict(self)


class RejectsFile:
    """The rejected rows of an import as CSV (line, reason, row); made when the first one comes.

    Readable by its owner alone, because the rows are as personal as the source.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIOWrapper | None = None

    @property
    def path(self) -> Path | None:
        """Where the rejects are; None where there are none."""
        return None if self._file is None else self._path

    def write(self, rejects: Iterable[tuple[int, str, str]]) -> None:
        """Add rejected rows: line number in the source (from 1), reason, the row as it was."""
        for reject in rejects:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.touch(mode=0o600)
                self._file = self._path.open("w", newline="", encoding="utf-8")
                csv.writer(self._file).writerow(["line", "reason", "row"])
            csv.writer(self._file).writerow(reject)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
