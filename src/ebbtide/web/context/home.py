"""What the home page of an organization is given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.shared import JobLine, Pages, QueueLine, RunLine, StateNote


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightLine:
    """What the next night would take of one data type: items, bytes, and the span of their days."""

    data_type: DataType
    items: int
    bytes: int
    oldest: date | None = None
    newest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """How long one Q keeps one data type: the deciding job, or None where it is kept for ever."""

    data_type: DataType
    job: JobLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One Q's effective retention, in the order of `DataType`."""

    queue: QueueLine
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLine:
    """What one data type holds: items, bytes, percent of all bytes (0 to 100), oldest day kept."""

    data_type: DataType
    items: int
    bytes: int
    percent: float
    oldest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideLine:
    """Data kept apart: undatable or late, why, how many."""

    kind: Literal["undatable", "late"]
    reason: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """`pages/home.html`, as `page`.

    Attributes:
        state: simulating, armed or blocked.
        next_night: aware instant of the next night's start.
        last_run: None before the first night.
        tonight: one line per data type.
        tonight_items, tonight_bytes: their sums.
        tonight_stopped: why the organization's caps would stop that; empty where they would not.
        matrix: one row per Q; empty where there are no Qs yet.
        matrix_pages: a page of Qs where there are many, else None.
        storage: one line per data type.
        storage_items, storage_bytes: their sums.
        aside: undatable and late data with reasons; empty where all data has a place.
        job_count: the organization's jobs.
    """

    state: StateNote
    next_night: datetime
    last_run: RunLine | None
    tonight: tuple[TonightLine, ...]
    tonight_items: int
    tonight_bytes: int
    matrix: tuple[MatrixRow, ...]
    storage: tuple[StorageLine, ...]
    storage_items: int
    storage_bytes: int
    job_count: int
    tonight_stopped: str = ""
    aside: tuple[AsideLine, ...] = ()
    matrix_pages: "Pages | None" = None
