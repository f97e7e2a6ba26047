"""What the home page of an organization is given."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.charts.histogram import Histogram
from ebbtide.web.context.shared import BacklogNote, JobLine, QueueLine, RunLine, StateNote, StoreLabel
from ebbtide.web.listing import Listing

Unit = Literal["items", "bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightLine:
    """What the next night would take of one data type: items, bytes, and the span of their days."""

    data_type: DataType
    items: int
    bytes: int
    oldest: date | None = None
    newest: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightNote:
    """What the next night's run will really do, as things stand.

    Attributes:
        kind: reports (not armed: nothing is deleted), deletes, blocked (armed, and a guard will stop it before its
            first deletion), asks (armed, and it will only simulate, because a person has to look first).
        reason: for blocked and asks the guard's words; for reports what would stop it if it were armed, empty where
            nothing would.
    """

    kind: Literal["reports", "deletes", "blocked", "asks"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartNote:
    """How far a new organization is.

    Attributes:
        job: the one job it has, where it has exactly one.
        job_count: how many it has.
        queue_count: Qs that are known.
        order: the command that brings interactions in.
    """

    job: JobLine | None
    job_count: int
    queue_count: int
    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLine:
    """A retention that decides over some Qs of a data type.

    Attributes:
        days: retention in days.
        queues: how many Qs it decides over.
        outside: whether it lies so far beyond what is stored that the chart does not reach it.
    """

    days: int
    queues: int
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeChart:
    """How old what is stored of one data type is.

    Attributes:
        data_type: which.
        chart: the drawing; None where nothing is stored.
        items, bytes: what is stored.
        due_items, due_bytes: what the next night takes of it.
        oldest: age of the oldest day, in days; None where nothing is stored.
        lines: the retentions that decide, shortest first.
        forever: Qs of which this data type is kept, because no job reaches it.
        queues: all Qs.
    """

    data_type: DataType
    chart: Histogram | None
    items: int
    bytes: int
    due_items: int
    due_bytes: int
    oldest: int | None
    lines: tuple[RetentionLine, ...]
    forever: int
    queues: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeCell:
    """One data type of one span of ages: what is stored, and what the next night takes of it."""

    data_type: DataType
    items: int
    bytes: int
    due_items: int
    due_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRow:
    """One span of ages, in days, both ends included; cells in the order of `DataType`."""

    youngest: int
    oldest: int
    cells: tuple[AgeCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChoice:
    """A unit the charts can be drawn in, and the query that asks for it."""

    unit: Unit
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgesCard:
    """The age charts and the same numbers as a table.

    Attributes:
        unit: what the bars count.
        choices: the units there are.
        width: days a bar.
        charts: one per data type.
        listing: the table behind them; None where nobody has opened it.
        table_query: of the address that opens it.
    """

    unit: Unit
    choices: tuple[UnitChoice, ...]
    width: int
    charts: tuple[AgeChart, ...]
    listing: Listing[AgeRow] | None
    table_query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One (Q, data type).

    Attributes:
        data_type: which.
        job: the deciding job; None where it is kept for ever.
        items, bytes: what is stored.
        due_items, due_bytes: what the next night takes of it.
    """

    data_type: DataType
    job: JobLine | None
    items: int = 0
    bytes: int = 0
    due_items: int = 0
    due_bytes: int = 0


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
    """Data kept apart: undatable or late, why, how many, and the query that shows them."""

    kind: Literal["undatable", "late"]
    reason: str
    items: int
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """`pages/home.html`, as `page`.

    Attributes:
        state: simulating, armed or blocked.
        next_night: aware instant of the next night's start.
        last_run: None before the first night.
        tonight: one line per data type.
        tonight_items, tonight_bytes: their sums.
        tonight_does: what the run will really do.
        backlog: how long the oldest has waited, and what one night leaves to the next.
        start: what to do first; None once anything is stored.
        ages: how old what is stored is.
        matrix: effective retention, one row per Q.
        queue_count: all Qs, whatever was searched for.
        storage: one line per data type.
        storage_items, storage_bytes: their sums.
        aside: undatable and late data with reasons; empty where all data has a place.
        aside_items: their sum.
        job_count: the organization's jobs.
        store: what is known of the object store; None where it was never tried out.
    """

    state: StateNote
    next_night: datetime
    last_run: RunLine | None
    tonight: tuple[TonightLine, ...]
    tonight_items: int
    tonight_bytes: int
    tonight_does: TonightNote
    ages: AgesCard
    matrix: Listing[MatrixRow]
    queue_count: int
    storage: tuple[StorageLine, ...]
    storage_items: int
    storage_bytes: int
    job_count: int
    start: StartNote | None = None
    aside: tuple[AsideLine, ...] = ()
    aside_items: int = 0
    backlog: BacklogNote = field(default_factory=BacklogNote)
    store: StoreLabel | None = None
