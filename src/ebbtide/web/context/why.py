"""What the page "Why?" is given: for each segment found, where each of its four data types stands, and why."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.shared import JobLine, QueueLine


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeLine:
    """A run that purged (part of) a Q, day and data type.

    Attributes:
        run: its number.
        job: the job that decided.
        at: aware instant of its last batch there.
        items: items it took of that Q, day and data type.
    """

    run: int
    job: JobLine
    at: datetime
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """A reason why something due is still here; `run` is the number of the run that tells more, if one does."""

    text: str
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeAnswer:
    """Where one data type of a segment stands.

    Attributes:
        data_type: which of the four.
        state: here; gone (what there was of it); none (nothing of it was ever stored).
        items, bytes: what is here.
        events: of report rows, the events beside them.
        job: the job that will take it; None where none reaches it, and where it is not here.
        night: org-local date of the first night it is due in.
        night_at: aware instant at which that night starts.
        overdue: whether that night has started.
        because: why it is still here although it is due.
        purges: the runs that took what there was, oldest first.
    """

    data_type: DataType
    state: Literal["here", "gone", "none"]
    items: int = 0
    bytes: int = 0
    events: int = 0
    job: JobLine | None = None
    night: date | None = None
    night_at: datetime | None = None
    overdue: bool = False
    because: tuple[Because, ...] = ()
    purges: tuple[PurgeLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentAnswer:
    """A segment that was found.

    Attributes:
        id: Ebbtide's own id of it.
        found_by: what of it was asked for.
        state: here; partly (some data types are gone); gone; undatable; late (never let in); lost (registered, and
            neither here nor in the book).
        queue: its Q; None where it has none.
        day: its day; None where it could not be dated.
        channel: as it came; empty where the row is gone.
        ended_at: aware instant; None where the row is gone.
        types: the four data types; empty for what was set aside.
        reason: why it was set aside; empty where it was not.
        late_at: aware instant at which a row with this id came again and was turned away.
    """

    id: str
    found_by: Literal["key", "segment", "interaction"]
    state: Literal["here", "partly", "gone", "undatable", "late", "lost"]
    queue: QueueLine | None = None
    day: date | None = None
    channel: str = ""
    ended_at: datetime | None = None
    types: tuple[TypeAnswer, ...] = ()
    reason: str = ""
    late_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyPage:
    """`pages/why.html`, as `page`; beside it stands the form as `form`.

    Attributes:
        asked: what was searched for; empty before anything was.
        day: the day an interaction was searched on, if one was given.
        segments: what was found.
        armed: whether nights delete.
        more: whether there are more segments than are shown.
    """

    asked: str = ""
    day: date | None = None
    segments: tuple[SegmentAnswer, ...] = ()
    armed: bool = False
    more: bool = False
