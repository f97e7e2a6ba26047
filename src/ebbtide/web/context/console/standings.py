"""What the list of all organizations is given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.shared import OrgLine
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
