"""What the pages behind the home page are given: what is stored by Q, and what is set aside."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.home import AsideLine
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCell:
    """What one (Q, data type) holds."""

    data_type: DataType
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """What one Q holds: by data type, in all, its share of all bytes (percent), and its oldest day."""

    queue: QueueLine
    cells: tuple[StoredCell, ...]
    items: int
    bytes: int
    percent: float
    oldest: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoragePage:
    """`pages/storage.html`, as `page`: what is stored by Q, and the sums over all Qs."""

    listing: Listing[StoredRow]
    cells: tuple[StoredCell, ...]
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRow:
    """A row that is kept apart.

    Attributes:
        id: its number.
        kind: undatable or late.
        reason: why.
        queue: its Q; None where that is not known.
        source_key: as the export wrote it; empty for late ones, whose content is not kept.
        segment: the id Ebbtide gave it.
        day: the day a late one claims; None for undatable ones.
        queued_at, answered_at, ended_at: aware instants, as far as they could be read.
        received_at: aware instant at which it came in.
    """

    id: int
    kind: Literal["undatable", "late"]
    reason: str
    queue: QueueLine | None
    source_key: str
    segment: str
    day: date | None
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideChosen:
    """What the list is narrowed to; empty strings and None narrow nothing."""

    kind: str = ""
    reason: str = ""
    queue: int | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.kind or self.reason or self.queue is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsidePage:
    """`pages/aside.html`, as `page`.

    Attributes:
        listing: the rows.
        groups: how many there are, by kind and reason.
        undatable, late: their sums.
        queues: every Q, to choose from.
        chosen: what the list is narrowed to.
    """

    listing: Listing[AsideRow]
    groups: tuple[AsideLine, ...]
    undatable: int
    late: int
    queues: tuple[QueueLine, ...]
    chosen: AsideChosen


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRow:
    """An object without a row, or a row without its object.

    Attributes:
        what: object or row.
        key: in the store.
        first_seen_at, last_seen_at: aware instants of the first and the newest reconciliation that saw it.
        sightings: how many did.
        bytes: its size; None of a row, or where the store did not tell.
        fate: waits, goes, foreign, unexplained or missing.
        left_reason: why it could not be destroyed; empty where that was not tried.
    """

    what: str
    key: str
    first_seen_at: datetime
    last_seen_at: datetime
    sightings: int
    fate: str
    bytes: int | None = None
    left_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphansPage:
    """`pages/orphans.html`, as `page`.

    Attributes:
        listing: the rows.
        compared_at: aware instant of the last comparison that came to its end; None before the first.
        objects: how many objects that one looked at.
        failed_at: aware instant of a later one that did not come to its end; None where there is none.
    """

    listing: Listing[OrphanRow]
    compared_at: datetime | None
    objects: int = 0
    failed_at: datetime | None = None
