"""What the pages of one organization are given, as its operator sees it."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.console.standings import Standing
from ebbtide.web.context.shared import JobLine, RunLine, SwitchNote
from ebbtide.web.listing import Listing


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
class Comparison:
    """When counts, rows and objects were last compared, and what came of it.

    Attributes:
        compared_at: aware instant of the last that came to its end; None before the first.
        cells, objects: how many that one compared.
        differences: how many it found, by what they are (`cell items`, `object unknown` …); mended ones are counted.
        failed_at: aware instant of the last, where that did not come to its end.
        reason: why it did not.
        order: the command that tells each of them.
    """

    compared_at: datetime | None
    cells: int
    objects: int
    differences: tuple[tuple[str, int], ...]
    failed_at: datetime | None
    reason: str
    order: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformOrgPage:
    """`pages/platform_org.html`, as `page`, beside `settings_form`.

    Attributes:
        standing: where it stands.
        onboarded_on: org-local date.
        created_at: aware instant.
        settings: as they stand.
        last: its last run; None before the first.
        comparison: the last one of its rows and objects; None before the first.
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
    comparison: Comparison | None
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
