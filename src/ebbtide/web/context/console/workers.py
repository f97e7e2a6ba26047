"""What the page of workers, queue and store is given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.web.context.shared import OrgLine, RunLine
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedLine:
    """A night, or a run by hand, in the queue.

    Attributes:
        id: of the job in the queue.
        org: whose it is; None for one that is gone.
        kind: a night, a run by the operator's hand, a simulation that the organization asked for, or help for a large
            run that another worker carries.
        on: org-local date of the night; None for the others.
        status: waiting, running, stalled (its worker is silent) or failed.
        since: aware instant it came to this.
        run: number of the organization's run that is open; None where none is.
        worker: host and process that carry it, where they are known.
    """

    id: int
    org: OrgLine | None
    kind: Literal["night", "run", "simulation", "help"]
    on: date | None
    status: Literal["waiting", "running", "stalled", "failed"]
    since: datetime | None
    run: int | None
    worker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that has not ended: whether a living process holds it, and how far it is."""

    org: OrgLine
    run: RunLine
    carried: bool
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreNote:
    """What the object store answered when it was asked: nothing yet, that it is there, or why it is not."""

    asked: bool = False
    reachable: bool = False
    took_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeNote:
    """What the object store was seen to do when it was last probed.

    Attributes:
        identity: its URL, without anything secret.
        probed_at: aware instant.
        proves: whether it can prove erasure.
        passed, tried: how many behaviours were seen, of how many.
        missing: what a proof leans on and was not seen, each with what was seen instead.
    """

    identity: str
    probed_at: datetime
    proves: bool
    passed: int
    tried: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersPage:
    """`pages/platform_workers.html`, as `page`.

    Attributes:
        alive: queues served at the moment; each worker serves two.
        silent: those without a heartbeat for too long.
        beat_at: aware instant of the newest heartbeat; None where there is none.
        due: nights that have come and have no run yet, and runs that were broken off.
        next_night: aware instant of the next night of any organization; None where there are none.
        waiting, running, stalled, failed: jobs in the queue.
        queue: those jobs.
        probe: what the object store was last seen to do; None where it was never probed.
        open_runs: runs that have not ended.
        clock_at: aware instant of the last good reading of the clock by a run; None where there was none.
        database_bytes: size of the database.
        partitions: daily tables of report rows and their events.
        locks: how many tables and indexes the server can hold locked at one time.
        connections, most_connections: open now, and how many the server takes.
        store: what the object store said.
    """

    alive: int
    silent: int
    beat_at: datetime | None
    due: int
    next_night: datetime | None
    waiting: int
    running: int
    stalled: int
    failed: int
    queue: Listing[QueuedLine]
    open_runs: tuple[OpenRun, ...]
    clock_at: datetime | None
    database_bytes: int
    partitions: int
    locks: int
    connections: int
    most_connections: int
    store: StoreNote = StoreNote()
    probe: ProbeNote | None = None

    @property
    def workers(self) -> int:
        """Worker processes that are alive."""
        return -(-self.alive // 2)

    @property
    def lockable(self) -> int:
        """What a statement over all days locks: every daily table, with the index of each."""
        return 2 * self.partitions

    @property
    def crowded(self) -> bool:
        """Whether two such statements side by side could find no more locks."""
        return 2 * self.lockable > self.locks
