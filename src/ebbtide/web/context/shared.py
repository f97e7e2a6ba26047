"""What several pages are given: organizations, states, Qs, jobs and runs in a line, and the frame around a page."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.job import JobType, What
from ebbtide.domain.outcome import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgLine:
    """An organization as named on every page.

    Attributes:
        id: its number, as used in addresses.
        name: what people call it.
        zone: IANA name of its time zone.
        armed: whether its nights delete; shown where several are listed.
    """

    id: int
    name: str
    zone: str
    armed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchNote:
    """A kill switch that is on.

    Attributes:
        scope: whom it stops.
        since: aware instant it was turned on, where that is known.
        reason: as given by whoever turned it on; may be empty.
    """

    scope: Literal["platform", "organization"]
    since: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    """An entry of the navigation.

    Attributes:
        label: as people read it.
        url: where it leads.
        icon: as in `build_assets.ICONS`.
        key: pressed after "g", it leads there too.
        here: whether the page belongs to it.
    """

    label: str
    url: str
    icon: str
    key: str
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the base template shows around a page.

    Attributes:
        org: the organization looked at; None on pages of no organization.
        now: the request's aware instant; relative times count from it.
        nav: the navigation, as far as the person may go; empty on pages of nobody in particular.
        platform: whether this is a page of the platform operator.
        can_switch: whether the person belongs to more than one organization.
        switch: the kill switch in force, the platform's before the organization's.
        can_change: whether the person may create, edit and delete jobs.
        is_admin: whether the person is an admin of the organization.
        can_export: whether the person may see Insights, and so take away what is in them.
    """

    org: OrgLine | None
    now: datetime
    nav: tuple[NavEntry, ...] = ()
    platform: bool = False
    can_switch: bool = False
    switch: SwitchNote | None = None
    can_change: bool = True
    is_admin: bool = False
    can_export: bool = True

    @property
    def zone(self) -> str:
        """The zone times are told in: the organization's; UTC on pages of no organization."""
        return "UTC" if self.org is None else self.org.zone


@dataclass(frozen=True, slots=True, kw_only=True)
class StateNote:
    """Whether tonight deletes.

    Attributes:
        kind: simulating, armed, or blocked (armed, and a guard stopped the last night before its first deletion).
        since: aware instant from which it is so, where known.
        reason: for blocked, what happened and what to do.
        run: number of the run that tells more, if one does.
    """

    kind: Literal["simulating", "armed", "blocked"]
    since: datetime | None = None
    reason: str = ""
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """A Q by number and name."""

    id: int
    name: str
    archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job as a sentence.

    Attributes:
        id: its number; None while it is being made.
        type: Global or Q.
        what: all four types or desktop recordings only.
        days: retention in days.
        queues: the Qs it names, by name; empty for a Global job.
        changed_at: aware instant of the last change.
        changed_by: name of who changed it; empty for one that came with the organization.
        overridden_by: the jobs that make it ineffective; empty where it decides something.
        paused: whether it is out of force until it is resumed.
    """

    id: int | None
    type: JobType
    what: What
    days: int
    queues: tuple[QueueLine, ...] = ()
    changed_at: datetime | None = None
    changed_by: str = ""
    overridden_by: tuple["JobLine", ...] = ()
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLabel:
    """What is known of the object store that a run deleted from.

    Attributes:
        proves: whether it was seen to do all that a proof of erasure leans on.
        probed_at: aware instant; None where it was never probed.
        missing: names of the behaviours that were not seen.
    """

    proves: bool
    probed_at: datetime | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in one line.

    Attributes:
        id: its number.
        on: org-local date of the night.
        started_at: aware instant.
        ended_at: aware instant; None while it goes on.
        trigger: what started it.
        live: whether it may delete; False for a simulation.
        outcome: how it ended; None while it goes on.
        planned, planned_bytes: items and bytes due when it began.
        purged, kept, failed, not_reached: the four numbers, in items.
        purged_bytes: bytes of the purged items.
    """

    id: int
    on: date
    started_at: datetime
    ended_at: datetime | None
    trigger: Literal["nightly", "operator", "caught_up"]
    live: bool
    outcome: RunOutcome | None
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    kept: int = 0
    failed: int = 0
    not_reached: int = 0
    purged_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where in a long list we are.

    Attributes:
        number: this page, from 1.
        count: how many pages.
        total: how many rows in all.
        query: the other query parameters, urlencoded, with a trailing "&" unless empty.
    """

    number: int
    count: int
    total: int
    query: str = ""

    @property
    def previous(self) -> int | None:
        """The page before, if there is one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The page after, if there is one."""
        return self.number + 1 if self.number < self.count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogNote:
    """How what is due stands.

    Attributes:
        overdue: days for which the oldest due item has been due; None where nothing is due.
        since: the date on which it became due.
        amount: items a night takes at the most; None for all.
        is_first: whether that holds only until a live night has come to its end, and is no setting of its own.
        tonight: items the next night takes.
        left: items it leaves to later ones.
        nights: nights until all is gone, if nothing else became due meanwhile.
    """

    overdue: int | None = None
    since: date | None = None
    amount: int | None = None
    is_first: bool = False
    tonight: int = 0
    left: int = 0
    nights: int = 0
