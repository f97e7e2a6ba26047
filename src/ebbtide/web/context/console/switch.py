"""What the page of the platform's kill switch is given."""

from dataclasses import dataclass
from datetime import datetime

from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    """A turn of the platform's kill switch; `actor` is empty for turns by unknown hands."""

    at: datetime
    on: bool
    reason: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPage:
    """`pages/platform_switch.html`, as `page`, beside `form`: whether it is on, whom it would stop, its history."""

    on: bool
    armed: int
    running: int
    turns: Listing[TurnLine]
