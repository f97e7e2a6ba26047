"""What the page "Access log" is given: who listened to, read, downloaded or exported what."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.domain.cell import DataType
from ebbtide.web.listing import Listing, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One line of the log.

    Attributes:
        at: aware instant.
        actor: e-mail address of the person, or the name of the token.
        by_token: whether it was a program with a token.
        deed: what was done, for programs.
        said: the same as people read it.
        data_type: of what.
        segment: the segment's id; None where it was more than one segment's.
        what: the table, report or export it went out with; empty for none.
        items: how many segments or objects; None where that is not known.
    """

    at: datetime
    actor: str
    by_token: bool
    deed: str
    said: Text
    data_type: DataType
    segment: uuid.UUID | None = None
    what: str = ""
    items: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFilter:
    """What the log is narrowed to; empty strings and None narrow nothing."""

    deed: str = ""
    data_type: str = ""
    segment: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.deed or self.data_type or self.segment or self.since or self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogPage:
    """`pages/access_log.html`, as `page`; `deeds` are the values and words to choose from."""

    lines: Listing[AccessLine]
    filter: AccessFilter
    deeds: tuple[tuple[str, Text], ...]
    data_types: tuple[DataType, ...] = tuple(DataType)
