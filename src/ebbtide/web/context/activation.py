"""What the pages about switching deletion on and off are given."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.cell import DataType
from ebbtide.web.context.shared import JobLine, OrgLine, RunLine
from ebbtide.web.listing import Listing

Stands = Literal["open", "armed", "declined", "withdrawn", "expired"]
What = Literal["asked", "armed", "disarmed", "declined", "withdrawn", "expired", "stopped", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountLine:
    """What one Q and data type loses in the first live night.

    Attributes:
        queue: its name.
        data_type: the type.
        items, bytes: as the simulation counted them.
        oldest, newest: span of their days; None where it counted none.
        items_now, bytes_now: what is due by now; the same as shown where nobody asks.
    """

    queue: str
    data_type: DataType
    items: int
    bytes: int
    oldest: date | None
    newest: date | None
    items_now: int = 0
    bytes_now: int = 0

    @property
    def more(self) -> int:
        """How many items are due beyond those shown; below zero where fewer are."""
        return self.items_now - self.items


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of what was asked, answered and turned.

    Attributes:
        key: what it is known by.
        at: aware instant.
        what: what happened.
        label: the same as people read it.
        who: as it may be shown to whoever looks.
        reason: as given; may be empty.
        request: number of the request it is about, where it may be opened.
    """

    key: str
    at: datetime
    what: What
    label: str
    who: str
    reason: str
    request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceNote:
    """A simulation, and what the first live night would take by it.

    Attributes:
        run: number of its run.
        plan: number of its plan.
        digest: SHA-256 of the plan, hex.
        made_at: aware instant.
        as_of: org-local date of the night it looked at.
        items, bytes, cells: what it would have taken.
        population: items the organization had then.
        percent: the share of them (0 to 100).
        oldest, newest: span of the days; None where it took nothing.
        oldest_age: days from the oldest day to the night.
        unfit: why no request may rest on it; empty where one may.
        capped: why the caps would stop that night, in the guard's words; empty where they would not.
    """

    run: int
    plan: int
    digest: str
    made_at: datetime
    as_of: date
    items: int
    bytes: int
    cells: int
    population: int
    percent: float
    oldest: date | None
    newest: date | None
    oldest_age: int | None
    unfit: str = ""
    capped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNote:
    """A request as its page tells it.

    Attributes:
        id: its number.
        stands: its state; `expired` also where it is open and does not hold any more.
        stale: why an open one does not hold any more; empty where it does.
        note: what the organization wrote.
        asked_by, asked_at: who, and when.
        closed_by, closed_at, answer: who closed it, when and why; empty and None while it is open.
    """

    id: int
    stands: Stands
    stale: str
    note: str
    asked_by: str
    asked_at: datetime
    closed_by: str = ""
    closed_at: datetime | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionPage:
    """`pages/deletion.html`, as `page`: the organization's own view.

    Attributes:
        armed: whether nights delete.
        since: the turn that made it so, or None where it was never armed.
        stopped: the turn of the organization's kill switch that is on; None where it is off.
        may_release: whether this person may switch it off.
        next_night: aware instant.
        request: the open request, or the last one where it was declined and nothing happened since.
        evidence: the newest simulation; None before the first run.
        waiting: whether a simulation is being made.
        may_ask, may_simulate: whether this person may, now.
        types: what the first live night would take by data type, over all Qs; empty where there is no simulation.
        night: the same by Q and data type; None where there is no simulation.
        history: everything that happened.
    """

    armed: bool
    since: HistoryLine | None
    stopped: HistoryLine | None
    may_release: bool
    next_night: datetime
    request: RequestNote | None
    evidence: EvidenceNote | None
    waiting: bool
    may_ask: bool
    may_simulate: bool
    types: tuple[AmountLine, ...]
    night: Listing[AmountLine] | None
    history: Listing[HistoryLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPage:
    """`pages/deletion_ask.html`, as `page`: the simulation that is asked on, and what it would take by data type."""

    evidence: EvidenceNote
    types: tuple[AmountLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPage:
    """`pages/deletion_step.html`, as `page`: one step that needs a reason.

    Attributes:
        title: the page's heading.
        org: whose deletion it is.
        said: paragraphs: what happens.
        warnings: what to know before.
        button: what the button says.
        tone: its colour: danger, primary.
        back: where it leads without a step.
        back_label: how that is called.
        refused: why the step cannot be taken; then there is no form.
    """

    title: str
    org: OrgLine
    said: tuple[str, ...]
    button: str
    back: str
    back_label: str
    tone: Literal["danger", "primary"] = "danger"
    warnings: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """A request in the operator's list."""

    id: int
    org: OrgLine
    stands: Stands
    asked_at: datetime
    asked_by: str
    simulated_at: datetime
    items: int
    bytes: int
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsPage:
    """`pages/requests.html`, as `page`: the requests of all organizations, and the state they are narrowed to."""

    requests: Listing[RequestLine]
    state: str
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One question before arming: how it is answered, in a sentence."""

    verdict: Literal["good", "warn", "bad"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgState:
    """How an organization stands, for the operator: armed since which turn, stopped since which."""

    org: OrgLine
    since: HistoryLine | None
    stopped: HistoryLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    """`pages/request.html`, as `page`: a request with its evidence, beside what is due by now.

    Attributes:
        state: of the organization.
        request: what was asked and answered.
        evidence: as it was when it was asked.
        items_now, bytes_now, percent_now: what is due by now.
        checks: the questions before arming.
        may_arm: whether all that stand in the way are answered.
        night: by Q and data type, then and now.
        jobs: the jobs in force.
        runs: the last runs, newest first.
        history: everything that happened to the organization.
        share_cap, item_cap: the caps of its runs; None: not limited.
    """

    state: OrgState
    request: RequestNote
    evidence: EvidenceNote
    items_now: int
    bytes_now: int
    percent_now: float
    checks: tuple[CheckLine, ...]
    may_arm: bool
    night: Listing[AmountLine]
    jobs: tuple[JobLine, ...]
    runs: tuple[RunLine, ...]
    history: Listing[HistoryLine]
    share_cap: int | None
    item_cap: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgDeletionPage:
    """`pages/org_deletion.html`, as `page`: an organization's arming and its history, for the operator."""

    state: OrgState
    request: int | None
    history: Listing[HistoryLine]
