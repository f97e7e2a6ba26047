"""The clock. The only place in the product that reads the time; everything else is handed `now` or a `Clock`."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The host's clock."""

    def now(self) -> datetime:
        """Give the host's time in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock


class FixedClock:
    """A clock that stands still until it is moved: for tests, and for passes that freeze their moment."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """Give the moment it was set to."""
        return self.moment
