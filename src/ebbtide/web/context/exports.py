"""What the page of exports is given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Listing

State = Literal["waiting", "making", "checking", "ready", "failed", "cancelled", "going", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLine:
    """An export in one line.

    Attributes:
        id: its number.
        first, last: org-local days, both included.
        queues: the Qs it is of.
        every: whether these are all there are.
        types: data types.
        format: csv or parquet.
        asked_by, asked_at: who wanted it, and when.
        state: how it stands.
        why: of one that goes or is gone: purged, changed, expired, deleted, cancelled or failed.
        run: number of the run that took a part of it, where one did.
        reason: why it failed, or waits.
        cells, items, bytes: what there was to take when it was begun.
        items_done, bytes_done: of these.
        percent: how far it is.
        files, size: of the archive; the size in bytes.
        sha256: of the archive, in hexadecimal digits; empty until it is ready.
        expires_at: aware instant; None until it is ready.
        gone_at: when it was seen to be gone.
        open_to: whether this person may take it away, and end or delete it.
    """

    id: int
    first: date
    last: date
    queues: tuple[QueueLine, ...]
    every: bool
    types: tuple[DataType, ...]
    format: str
    asked_by: str
    asked_at: datetime
    state: State
    why: str = ""
    run: int | None = None
    reason: str = ""
    cells: int = 0
    items: int = 0
    bytes: int = 0
    items_done: int = 0
    bytes_done: int = 0
    percent: int = 0
    files: int = 0
    size: int = 0
    sha256: str = ""
    expires_at: datetime | None = None
    gone_at: datetime | None = None
    open_to: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """How much of a data type is in what is chosen."""

    data_type: DataType
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much is in what is chosen.

    Attributes:
        lines: by data type; empty where something is wrong with the choice.
        items, bytes: of all.
        most: bytes that an export may hold.
    """

    lines: tuple[WeightLine, ...] = ()
    items: int = 0
    bytes: int = 0
    most: int = 0

    @property
    def too_large(self) -> bool:
        """Whether that is more than an export may hold."""
        return self.bytes > self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChoice:
    """A data type to tick; `open` where the person may take it away."""

    data_type: DataType
    chosen: bool
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportForm:
    """The form, as it is filled in.

    Attributes:
        first, last: as they were written.
        types: data types to choose among.
        queues: all Qs.
        chosen: numbers of those that are ticked; empty for all.
        format: csv or parquet.
        wrong: what to say at each field that is wrong; `form` for what is wrong with all of it.
        weights: how much that is.
        why: job or night, where the choice was made of what that takes; else empty.
        job: number of the job, where it is one that exists.
        nothing: whether that takes nothing at all.
    """

    first: str
    last: str
    types: tuple[TypeChoice, ...]
    queues: tuple[QueueLine, ...]
    chosen: frozenset[int]
    format: str
    wrong: dict[str, str]
    weights: Weights
    why: str = ""
    job: int | None = None
    nothing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsPage:
    """The page of exports.

    Attributes:
        form: to ask for one.
        open: the one that is being made; None where none is.
        listing: all, newest first.
        days: how long an archive is kept.
    """

    form: ExportForm
    open: ExportLine | None
    listing: Listing[ExportLine]
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExports:
    """How many archives went because a run took a part of them; of those `left` the store still shows something."""

    gone: int
    left: int
