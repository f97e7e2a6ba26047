"""What the page of the platform's throttle is given."""

from dataclasses import dataclass
from datetime import datetime, time

from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleNote:
    """A throttle as it stands or stood; None: not limited. Hours are both set or both None, in each one's own time."""

    rows_per_second: int | None = None
    objects_per_second: int | None = None
    hours_from: time | None = None
    hours_until: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleLine:
    """A change of the platform's throttle."""

    at: datetime
    actor: str
    before: ThrottleNote
    after: ThrottleNote


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottlePage:
    """`pages/platform_throttle.html`, as `page`, beside `form`.

    Attributes:
        stands: as it stands.
        running: live runs that are going on; the change counts for them within seconds.
        own: organizations that have limits of their own beside it.
        turns: its history.
    """

    stands: ThrottleNote
    running: int
    own: int
    turns: Listing[ThrottleLine]

    @property
    def is_limited(self) -> bool:
        """Whether anything is limited."""
        return self.stands != ThrottleNote()
