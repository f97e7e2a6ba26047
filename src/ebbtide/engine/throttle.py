"""The throttle: how fast a sweep may go, and in which hours of its organization's day.

Limits are no guards: what they hold back today goes tomorrow. They are read again every few seconds, so that a change
in the middle of a run counts. All waiting happens between batches, with no transaction open and nothing in flight, and
in short pieces, so that a stop is heard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from ebbtide.engine.clock import Clock

LOOK_AGAIN_S = 5.0
"""Seconds for which limits that were read are believed."""
_NAP_S = 0.5


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a local day in which deletion may go on: from `start`, included, to `end`, excluded.

    An end before its start is one of the next morning.
    """

    start: time
    end: time

    def contain(self, at: time) -> bool:
        """Whether a local time of day lies in them."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, and when; None: not limited.

    Attributes:
        rows: report rows a second.
        objects: objects a second.
        hours: all of them must allow a moment; of the platform and of the organization, in its local time.
    """

    rows: int | None = None
    objects: int | None = None
    hours: tuple[Hours, ...] = ()

    def allow(self, moment: datetime, *, zone: ZoneInfo) -> bool:
        """Whether deletion may go on at a moment."""
        at = moment.astimezone(zone).time()
        return all(hours.contain(at) for hours in self.hours)

    def beside(self, other: "Limits", *, workers: int = 1, others: int = 1) -> "Limits":
        """Put two sets of limits together: of each rate the smaller, of hours both.

        Args:
            other: the other limits.
            workers: workers that share these.
            others: workers that share the other ones.
        """
        return Limits(
            rows=_smaller(_share(self.rows, workers), _share(other.rows, others)),
            objects=_smaller(_share(self.objects, workers), _share(other.objects, others)),
            hours=self.hours + other.hours,
        )


def _share(rate: int | None, workers: int) -> int | None:
    return None if rate is None else max(1, rate // max(1, workers))


def _smaller(one: int | None, other: int | None) -> int | None:
    return min((rate for rate in (one, other) if rate is not None), default=None)


class Throttle:
    """Keeps a sweep to its limits."""

    def __init__(
        self,
        read: Callable[[], Limits],
        *,
        zone: ZoneInfo,
        clock: Clock,
        timer: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Keep to limits that are read again and again.

        Args:
            read: gives the limits as they are, and this worker's share of them.
            zone: the organization's.
            clock: tells the hour.
            timer: seconds that only ever grow, for durations.
            sleep: waits so many seconds.
        """
        self._read, self._zone, self._clock, self._sleep = read, zone, clock, sleep
        self.timer = timer
        self._limits = Limits()
        self._read_at: float | None = None

    @property
    def limits(self) -> Limits:
        """The limits, at most some seconds old."""
        now = self.timer()
        if self._read_at is None or now - self._read_at >= LOOK_AGAIN_S:
            self._limits, self._read_at = self._read(), now
        return self._limits

    def says(self) -> str:
        """Say why deletion must rest now; empty where it may go on."""
        limits = self.limits
        if limits.allow(self._clock.now(), zone=self._zone):
            return ""
        when = " and ".join(str(hours) for hours in limits.hours)
        return f"Paused: deletion is allowed from {when} ({self._zone.key}). The run goes on by itself then."

    def most(self, size: int, *, rate: int | None) -> int:
        """Cut a batch down to what the rate allows a second."""
        return size if rate is None else max(1, min(size, rate))

    def wait(self, items: int, *, rate: int | None, seconds: float, stop: Callable[[], bool]) -> None:
        """Wait after a batch until its items fit the rate.

        Args:
            items: the batch had.
            rate: items a second; None for any.
            seconds: the batch took.
            stop: whether the process should end; then it waits no longer.
        """
        if rate is None:
            return
        left = items / rate - seconds
        while left > 0 and not stop():
            nap = min(left, _NAP_S)
            self._sleep(nap)
            left -= nap

    def rest(self) -> None:
        """Wait a moment, because others are at all that is left."""
        self._sleep(_NAP_S)


def unlimited(clock: Clock, *, timer: Callable[[], float], sleep: Callable[[float], None]) -> Throttle:
    """Give a throttle that holds nothing back."""
    return Throttle(Limits, zone=ZoneInfo("UTC"), clock=clock, timer=timer, sleep=sleep)
