"""What the pages that look ahead are given: forecast, what-if, budget, and the operator's overview of costs."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ebbtide.domain.billing import Money, Month
from ebbtide.domain.cell import DataType
from ebbtide.web.charts.lines import Lines
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthAhead:
    """A month foretold.

    Attributes:
        month: which.
        running: whether it is the one going on, part of which is metered.
        bytes, bytes_low, bytes_high: at rest at its end: expected, and the ends of the band.
        cost, cost_low, cost_high: of the month; None without a rate card.
        armed_bytes, armed_cost: the same once nights delete; None where that is not told beside it.
    """

    month: Month
    running: bool
    bytes: int
    bytes_low: int
    bytes_high: int
    cost: Money | None
    cost_low: Money | None
    cost_high: Money | None
    armed_bytes: int | None = None
    armed_cost: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeAhead:
    """A data type: bytes at rest now, in a year, and coming in a week; its band in percent of the pace (0: none)."""

    data_type: DataType
    bytes: int
    later: int
    weekly: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverLine:
    """Data of a Q older than a period: bytes, its oldest day, what it costs a month, and the query of a what-if."""

    queue: QueueLine
    what: Literal["all", "desktop"]
    days: int
    bytes: int
    oldest: date
    monthly: Money
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """That a forecast reached a threshold (percent) of the budget: when, by what figures, how many were told."""

    month: Month
    percent: int
    budget: Money
    forecast: Money
    told: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetNote:
    """`components/budget_note.html`, as `box`: a month's forecast in whole percent of the budget (`used`)."""

    month: Month
    forecast: Money
    budget: Money
    used: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBox:
    """The budget.

    Attributes:
        budget: a month; None where there is none.
        forecast: what the running month will cost.
        month: the running one.
        used: forecast in whole percent of the budget; None where there is none, or its currency is not the card's.
        currency: of the card, in which a budget is set.
        alerts: those of the past.
    """

    budget: Money | None
    forecast: Money
    month: Month
    used: int | None
    currency: str
    alerts: Listing[AlertLine]

    @property
    def tone(self) -> Literal["good", "warn", "bad", "mute"]:
        """How it stands: below 80 %, below 100 %, reached, or not known."""
        if self.used is None:
            return "mute"
        return "good" if self.used < 80 else "warn" if self.used < 100 else "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPage:
    """`pages/cost_forecast.html`, as `page`.

    Attributes:
        deletes: whether nights delete as things stand.
        has_jobs: whether there is any job.
        compares: whether the months are told both as things stand and once armed.
        priced: whether there is a rate card.
        empty: whether there is no data to foretell anything from.
        months: the running one and twelve more.
        running, last: the first and the last of them.
        year: of the twelve months after the running one together; None without a rate card.
        settled: of a month once all has settled; None where the cost grows without end, or has no price.
        costs: the chart of costs; None without a rate card.
        bytes: the chart of bytes at rest.
        types: by data type.
        weeks: of history the band is drawn from; 0 for none.
        young: Qs with too little history to lean on, by name.
        lever: the cheapest; None where nothing is to be saved.
        levers: of all Qs beyond `beyond` days.
        beyond, periods: the period shown, and those to choose from.
        budget: None without a rate card.
    """

    deletes: bool
    has_jobs: bool
    compares: bool
    priced: bool
    empty: bool
    months: Listing[MonthAhead]
    running: MonthAhead
    last: MonthAhead
    year: Money | None
    settled: Money | None
    costs: Lines | None
    bytes: Lines
    types: tuple[TypeAhead, ...]
    weeks: int
    young: tuple[QueueLine, ...]
    lever: LeverLine | None
    levers: Listing[LeverLine]
    beyond: int
    periods: tuple[int, ...]
    budget: BudgetBox | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSide:
    """Costs on one side of a change: the running month, a month once settled (None: it never is), the year after."""

    running: Money
    settled: Money | None
    later: Money
    year: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPanel:
    """`components/cost_figures.html`, as `panel`: what a job as it is entered does to the cost.

    Attributes:
        missing: what is wrong or lacking in what is entered; then there is nothing else.
        priced: whether there is a rate card; without one there is nothing else either.
        deletes: whether nights delete as things stand.
        days: the period entered.
        now, after: the two sides; None where there are none.
        saving_month, saving_year: negative where the change costs more.
        night_bytes: what the first night takes because of the change.
        night_monthly: what that costs a month.
        curve: cost over the period; None where the job reaches nothing.
        first_month: the month the curve's first line is of.
        at_days: what the job's data costs at the period entered: in that month, and once settled.
        points: of the curve: days, and both costs.
    """

    missing: tuple[str, ...] = ()
    priced: bool = True
    deletes: bool = False
    days: int = 0
    now: CostSide | None = None
    after: CostSide | None = None
    saving_month: Money | None = None
    saving_year: Money | None = None
    night_bytes: int = 0
    night_monthly: Money | None = None
    curve: Lines | None = None
    first_month: Month | None = None
    at_days: tuple[Money, Money] | None = None
    points: tuple[tuple[int, Money, Money], ...] = ()

    @property
    def asked(self) -> bool:
        """Whether there is an answer to show."""
        return self.now is not None

    @property
    def saved(self) -> tuple[Money, Money, Money] | None:
        """What is saved in the running month, in one later on, and in the first year; negative where it costs more."""
        if self.now is None or self.after is None or self.saving_month is None or self.saving_year is None:
            return None
        running = Money(self.now.running.currency, self.now.running.minor - self.after.running.minor)
        return running, self.saving_month, self.saving_year

    @property
    def costs_more(self) -> Money | None:
        """What the first year costs more, where it does."""
        return None if self.saving_year is None else Money(self.saving_year.currency, -self.saving_year.minor)

    @property
    def turn(self) -> Literal["saves", "costs", "same"]:
        """Which way the first year goes."""
        minor = 0 if self.saving_year is None else self.saving_year.minor
        return "saves" if minor > 0 else "costs" if minor < 0 else "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfPage:
    """`pages/cost_what_if.html`, as `page`, beside `form`: a job to try, and what it would cost.

    Attributes:
        queues: every Q, by name; archived ones last.
        chosen: ids of those that are ticked.
        panel: the answer.
    """

    queues: tuple[QueueLine, ...]
    chosen: frozenset[int]
    panel: CostPanel


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgCost:
    """An organization in the operator's overview, as it was metered last.

    Attributes:
        id, name: which.
        on: the date.
        jobs: how many are in force.
        onboarded_on: its day.
        bytes, grown, weekly: at rest; more than 30 days before; coming in a week.
        grown_percent: None where nothing was there before.
        month, later: forecast of the running month, and of the same in a year; None without a rate card.
        old_bytes, saving: older than 400 days, and what a job of 400 days would save a month (None: no rate card).
    """

    id: int
    name: str
    on: date
    jobs: int
    onboarded_on: date
    bytes: int
    grown: int
    grown_percent: int | None
    weekly: int
    month: Money | None
    later: Money | None
    old_bytes: int
    saving: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCostsPage:
    """`pages/platform_costs.html`, as `page`.

    Attributes:
        orgs: of which a position is known.
        bytes, grown: all of theirs together.
        months, laters: forecast of the running month and of the same in a year, one sum for each currency.
        without_job: organizations without any job.
        savings: what jobs of 400 days would save them a month, one sum for each currency.
        growers: the fastest growing ones.
        view: which are listed: all, or those without a job.
        listing: the organizations.
    """

    orgs: int
    bytes: int
    grown: int
    months: tuple[Money, ...]
    laters: tuple[Money, ...]
    without_job: int
    savings: tuple[Money, ...]
    growers: tuple[OrgCost, ...]
    view: Literal["all", "without_job"]
    listing: Listing[OrgCost]
