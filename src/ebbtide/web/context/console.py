"""What the pages of the platform operator are given."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.runs import GuardNote, ReasonLine
from ebbtide.web.context.shared import JobLine, OrgLine, RunLine, SwitchNote
from ebbtide.web.listing import Listing

State = Literal["simulating", "armed", "blocked", "stopped"]
"""Of an organization: blocked is armed with a last run that a guard stopped; stopped is its own kill switch."""
Trouble = Literal["missed", "failed", "incomplete", "blocked", "overdue"]
"""Why an organization needs somebody: its night has not run, how its last run ended, or what is due and stays."""
Shown = Literal["", "simulating", "armed", "blocked", "stopped", "trouble"]
"""What the list of organizations is narrowed to; empty for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an organization stands, in a line.

    Attributes:
        org: the organization.
        state: what its nights do.
        armed_at: aware instant; None where it is not armed.
        run: number of its last run; None before the first.
        on: org-local date of that run.
        outcome: how it ended; None while it goes on, or before the first.
        ran_at: aware instant it ended, or began where it goes on.
        night_at: aware instant of its next night.
        overdue: days since its oldest due item became due; None where nothing is due.
        due_since: the date on which that was.
        backlog, backlog_bytes: what was due at the last run and it left; None before the first.
        failures: items that the last run failed to delete or did not reach.
        items, bytes: what it held after the last run; None where that was not counted.
        trouble: why it needs somebody; empty where it does not.
    """

    org: OrgLine
    state: State
    armed_at: datetime | None
    run: int | None
    on: date | None
    outcome: RunOutcome | None
    ran_at: datetime | None
    night_at: datetime
    overdue: int | None
    due_since: date | None
    backlog: int | None
    backlog_bytes: int | None
    failures: int
    items: int | None
    bytes: int | None
    trouble: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All organizations together.

    Attributes:
        orgs, armed, simulating, troubled: organizations.
        overdue: days since the oldest due item of any armed organization became due; None where none is due.
        overdue_org: whose that is.
        purged, purged_bytes: by the newest night of each.
        items, bytes: held after each one's last run.
    """

    orgs: int
    armed: int
    simulating: int
    troubled: int
    overdue: int | None
    overdue_org: OrgLine | None
    purged: int
    purged_bytes: int
    items: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePage:
    """`pages/platform.html`, as `page`.

    Attributes:
        figures: all organizations together.
        orgs: the organizations asked for.
        shown: what they are narrowed to.
        workers_alive: whether anybody would run tonight's nights.
        requests: open requests to switch deletion on.
    """

    figures: Figures
    orgs: Listing[Standing]
    shown: Shown
    workers_alive: bool
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeLine:
    """What of one data type of an organization is due now: items, bytes, and the span of their days."""

    data_type: DataType
    items: int
    bytes: int
    oldest: date | None
    newest: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """When an organization's nights start, what they may take, how fast and in which hours.

    Attributes:
        night_at: in its own time.
        share_percent, items: caps, which block; None is no cap, 0 is nothing at all.
        nightly_amount: items a night takes, oldest first; None is all that is due.
        rows_per_second, objects_per_second: None is as fast as may be.
        hours_from, hours_until: hours of its day in which deletion may go on; both None at any hour.
    """

    night_at: time
    share_percent: int | None
    items: int | None
    nightly_amount: int | None = None
    rows_per_second: int | None = None
    objects_per_second: int | None = None
    hours_from: time | None = None
    hours_until: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A line of an organization's history: a turn of a flag or a change of its settings.

    Attributes:
        at: aware instant.
        what: armed, disarmed, stopped, released or settings.
        actor: who did it.
        reason: why; empty for settings.
        before, after: of settings; None for flags.
    """

    at: datetime
    what: Literal["armed", "disarmed", "stopped", "released", "settings"]
    actor: str
    reason: str = ""
    before: Settings | None = None
    after: Settings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOrgPage:
    """`pages/platform_org.html`, as `page`, beside `settings_form`.

    Attributes:
        standing: where it stands.
        onboarded_on: org-local date.
        created_at: aware instant.
        settings: as they stand.
        last: its last run; None before the first.
        types: what is due now, one line per data type.
        due, due_bytes: their sums.
        nights: nights until all of it is gone, with the amount of one night, if nothing else became due.
        jobs: the jobs in force.
        members: how many people belong to it.
        admins: e-mail addresses of its admins.
        runs: its runs.
        history: turns of its flags and changes of its settings.
        waiting_since: aware instant since which a run by hand waits in the queue; None where none does.
        switch: its own kill switch, where it is on.
    """

    standing: Standing
    onboarded_on: date
    created_at: datetime
    settings: Settings
    last: RunLine | None
    types: tuple[TypeLine, ...]
    due: int
    due_bytes: int
    jobs: tuple[JobLine, ...]
    members: int
    admins: tuple[str, ...]
    runs: Listing[RunLine]
    history: Listing[ChangeLine]
    waiting_since: datetime | None = None
    switch: SwitchNote | None = None
    nights: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingHint:
    """What onboarding would amount to with what has been filled in so far.

    Attributes:
        local_time: the present moment in the chosen zone, as an aware instant; None until one is chosen.
        zone: the chosen zone; empty until one is.
        default_job: days of the Global job that comes with the date; None for no job.
        dated: whether a date has been filled in, so that `default_job` says something.
    """

    local_time: datetime | None = None
    zone: str = ""
    default_job: int | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgNewPage:
    """`pages/platform_org_new.html`, as `page`, beside `form`: zones to choose from, and what the choice means."""

    zones: tuple[str, ...]
    hint: OnboardingHint
    since: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNowPage:
    """`pages/platform_org_run.html`, as `page`.

    Attributes:
        standing: the organization.
        due, due_bytes: what a run would take now.
        oldest: the oldest day of it.
        stopped: whether a kill switch would block it.
        workers_alive: whether anybody would start it.
        order: the command that does the same.
    """

    standing: Standing
    due: int
    due_bytes: int
    oldest: date | None
    stopped: bool
    workers_alive: bool
    order: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunLine:
    """A run of any organization."""

    org: OrgLine
    run: RunLine
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunsPage:
    """`pages/platform_runs.html`, as `page`: runs of all organizations, or of `org`, and what they are narrowed to."""

    runs: Listing[PlatformRunLine]
    outcome: str = ""
    since: date | None = None
    until: date | None = None
    org: OrgLine | None = None
    outcomes: tuple[RunOutcome, ...] = tuple(RunOutcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeNumbers:
    """The numbers of one data type of a run, in items, and the bytes planned and purged."""

    data_type: DataType
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    purged_bytes: int = 0
    kept: int = 0
    failed: int = 0
    not_reached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRunPage:
    """`pages/platform_run.html`, as `page`.

    Attributes:
        org: whose run it is.
        run: with its totals.
        types: one line per data type with anything planned.
        reasons: why items were kept, failed or not reached.
        guard: set where a guard held it back.
        note: what else is to be said of its end.
        worker: host and process that carried it; empty for a simulation.
        cancelled_at: aware instant it was asked to stop.
        cancelled_by: who asked; empty where nobody did.
        plan: number of its plan.
        population: items the organization held when the plan was made.
    """

    org: OrgLine
    run: RunLine
    types: tuple[TypeNumbers, ...]
    reasons: tuple[ReasonLine, ...]
    guard: GuardNote | None
    note: str
    worker: str
    cancelled_at: datetime | None
    cancelled_by: str
    plan: int
    population: int


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
