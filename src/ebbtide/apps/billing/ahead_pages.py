"""The forecast page of an organization, as it is shown."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy

from ebbtide.apps.billing.ahead_charts import bytes_chart, costs_chart
from ebbtide.apps.billing.budgets import budget_of, used_percent
from ebbtide.apps.billing.models import BudgetAlert, ClosedStatement, MeteredDay
from ebbtide.apps.billing.outlooks import Basis, Prospect, as_it_stands, at_rest, prospect
from ebbtide.apps.billing.saving import LEVERS, Lever, all_levers, cheapest_lever
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.domain.billing import Money, Month, month_of
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.web.context.forecast import AlertLine, BudgetBox, ForecastPage, LeverLine, MonthAhead, TypeAhead
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, Column, Table, list_rows

_PAST = 12
_LONG = 10_000


def _amount(value: Money | None) -> object:
    return None if value is None else value.amount


AHEAD: Table[MonthAhead] = Table(
    name="ahead",
    columns=(
        Column(name="month", label=gettext_lazy("Month"), value=lambda row: str(row.month)),
        Column(name="bytes", label=gettext_lazy("At rest at its end"), value=lambda row: row.bytes, number=True),
        Column(name="bytes_low", label=gettext_lazy("from"), value=lambda row: row.bytes_low, number=True),
        Column(name="bytes_high", label=gettext_lazy("to"), value=lambda row: row.bytes_high, number=True),
        Column(name="cost", label=gettext_lazy("Cost"), value=lambda row: _amount(row.cost), number=True),
        Column(name="cost_low", label=gettext_lazy("from"), value=lambda row: _amount(row.cost_low), number=True),
        Column(name="cost_high", label=gettext_lazy("to"), value=lambda row: _amount(row.cost_high), number=True),
        Column(
            name="armed_bytes", label=gettext_lazy("At rest once armed"), value=lambda row: row.armed_bytes, number=True
        ),
        Column(
            name="armed_cost",
            label=gettext_lazy("Cost once armed"),
            value=lambda row: _amount(row.armed_cost),
            number=True,
        ),
    ),
    sort="month",
    row_key=lambda row: str(row.month),
)
LEVER: Table[LeverLine] = Table(
    name="levers",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue.name),
        Column(
            name="data",
            label=gettext_lazy("Data"),
            value=lambda row: "desktop recordings" if row.what == "desktop" else "all data",
        ),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.bytes, number=True),
        Column(name="oldest", label=gettext_lazy("Oldest"), value=lambda row: row.oldest),
        Column(name="cost", label=gettext_lazy("A month"), value=lambda row: row.monthly.amount, number=True),
    ),
    sort="-cost",
    text=lambda row: row.queue.name,
    row_key=lambda row: (row.queue.id, row.what),
    size=10,
)
ALERTS: Table[AlertLine] = Table(
    name="alerts",
    columns=(
        Column(name="month", label=gettext_lazy("Month"), value=lambda row: str(row.month)),
        Column(name="percent", label=gettext_lazy("Threshold"), value=lambda row: row.percent, number=True),
        Column(name="budget", label=gettext_lazy("Budget"), value=lambda row: row.budget.amount, number=True),
        Column(name="forecast", label=gettext_lazy("Forecast"), value=lambda row: row.forecast.amount, number=True),
        Column(name="told", label=gettext_lazy("E-mails"), value=lambda row: row.told, number=True),
        Column(name="at", label=gettext_lazy("When"), value=lambda row: row.at),
    ),
    sort="-at",
    row_key=lambda row: (str(row.month), row.percent),
    size=6,
)


def months_ahead(basis: Basis, *, stands: Prospect, armed: Prospect | None) -> list[MonthAhead]:
    """Give the months foretold; `armed` where nights do not delete as things stand."""
    spreads = basis.stock.spreads
    found = []
    month = basis.terms.running
    for place, cost in enumerate(stands.costs):
        low, size, high = at_rest(stands.view, spreads=spreads, place=place)
        found.append(
            MonthAhead(
                month=month,
                running=place == 0,
                bytes=size,
                bytes_low=low,
                bytes_high=high,
                cost=cost if basis.priced else None,
                cost_low=stands.low[place] if basis.priced else None,
                cost_high=stands.high[place] if basis.priced else None,
                armed_bytes=None if armed is None else at_rest(armed.view, spreads=spreads, place=place)[1],
                armed_cost=None if armed is None or not basis.priced else armed.costs[place],
            )
        )
        month = month.next
    return found


def both(basis: Basis) -> tuple[Prospect, Prospect | None]:
    """Look ahead as things stand, and once armed where that makes a difference: jobs are there, and do not delete."""
    stands = as_it_stands(basis)
    return stands, prospect(basis, among=basis.jobs) if basis.jobs and not basis.deletes else None


def forecast_page(basis: Basis, *, beyond: Days, asked: Mapping[str, Asked]) -> ForecastPage:
    """Give the forecast page.

    Args:
        basis: what is at rest, with months, jobs and prices.
        beyond: the period of the levers, one of `LEVERS`.
        asked: what is asked of each of the page's tables, by the table's name.
    """
    org, stock = basis.org.id, basis.stock
    stands, armed = both(basis)
    months = months_ahead(basis, stands=stands, armed=armed)
    found = all_levers(basis) if basis.priced else {days: [] for days in LEVERS}
    with acting_in(org):
        queues = queue_lines(org=org)
        box = _budget(basis, forecast=stands.costs[0], asked=asked["alerts"]) if basis.priced else None
        past_costs, past_bytes = _past(org, running=basis.terms.running)
    lever = cheapest_lever(found)
    best = armed if armed is not None else stands
    return ForecastPage(
        deletes=basis.deletes,
        has_jobs=bool(basis.jobs),
        compares=armed is not None,
        priced=basis.priced,
        empty=not stock.keys,
        months=list_rows(AHEAD, months, asked=asked["ahead"]),
        running=months[0],
        last=months[-1],
        year=Money(stands.costs[0].currency, sum(one.minor for one in stands.costs[1:])) if basis.priced else None,
        settled=best.settled if basis.priced else None,
        costs=None if box is None else costs_chart(months, past=past_costs, budget=box.budget),
        bytes=bytes_chart(months, past=past_bytes, stock=stock),
        types=_types(basis, stands=stands),
        weeks=max((spread.weeks for spread in stock.spreads.values()), default=0),
        young=_young(basis, queues=queues),
        lever=None if lever is None else _lever_line(lever, queues=queues),
        levers=list_rows(LEVER, lever_lines(found[beyond], queues=queues), asked=asked["levers"]),
        beyond=beyond,
        periods=LEVERS,
        budget=box,
    )


def lever_lines(found: Sequence[Lever], *, queues: Mapping[int, QueueLine]) -> list[LeverLine]:
    """Write levers as lines."""
    return [_lever_line(one, queues=queues) for one in found]


def _lever_line(lever: Lever, *, queues: Mapping[int, QueueLine]) -> LeverLine:
    asked = {"type": "queue", "queues": public_id("que", lever.queue), "what": lever.what, "days": lever.days}
    return LeverLine(
        queue=queues[lever.queue],
        what=lever.what,
        days=lever.days,
        bytes=lever.bytes,
        oldest=lever.oldest,
        monthly=lever.monthly,
        query=urlencode(asked),
    )


def _types(basis: Basis, *, stands: Prospect) -> tuple[TypeAhead, ...]:
    stock = basis.stock
    weekly = dict.fromkeys(DataType, 0)
    for (_queue, kind), pace in zip(stock.keys, stock.paces, strict=True):
        weekly[kind] += pace.weekly
    now = stock.by_type()
    return tuple(
        TypeAhead(
            data_type=kind,
            bytes=now[kind],
            later=stands.view[kind][-1].at_end.expected if kind in stands.view else 0,
            weekly=weekly[kind],
            low=round(100 * stock.spreads[kind].low) if stock.spreads[kind].weeks else 0,
            high=round(100 * stock.spreads[kind].high) if stock.spreads[kind].weeks else 0,
        )
        for kind in DataType
    )


def _young(basis: Basis, *, queues: Mapping[int, QueueLine]) -> tuple[QueueLine, ...]:
    """Name the Qs whose data has come in for too few weeks."""
    known: dict[int, int] = {}
    for (queue, _kind), pace in zip(basis.stock.keys, basis.stock.paces, strict=True):
        known[queue] = max(known.get(queue, 0), pace.days if pace.weekly and pace.is_short else _LONG)
    return tuple(line for number, line in queues.items() if known.get(number, _LONG) < _LONG)


def _budget(basis: Basis, *, forecast: Money, asked: Asked) -> BudgetBox:
    org = basis.org.id
    budget = budget_of(org=org)
    return BudgetBox(
        budget=budget,
        forecast=forecast,
        month=basis.terms.running,
        used=None if budget is None else used_percent(forecast, budget=budget),
        currency=forecast.currency,
        alerts=list_rows(ALERTS, alert_lines(org=org), asked=asked),
    )


def alert_lines(*, org: int) -> list[AlertLine]:
    """Give the alerts of the past, newest first; expects an open transaction in the organization."""
    return [
        AlertLine(
            month=month_of(row.month),
            percent=row.percent,
            budget=Money(row.currency, row.budget_minor),
            forecast=Money(row.currency, row.forecast_minor),
            told=row.told,
            at=row.at,
        )
        for row in BudgetAlert.objects.filter(org_id=org).order_by("-month", "-percent")
    ]


def _past(org: int, *, running: Month) -> tuple[dict[Month, Money], dict[Month, int]]:
    """Read what closed months cost, and what was at rest at their ends; expects an open transaction."""
    months = [running]
    while len(months) <= _PAST:
        months.append(months[-1].previous)
    closed = ClosedStatement.objects.filter(org_id=org, month__in=[month.first for month in months[1:]])
    costs = {
        month_of(month): Money(currency, minor)
        for month, currency, minor in closed.values_list("month", "currency", "total_minor")
        if currency is not None and minor is not None
    }
    # what is at rest at the first moment of a month is what was there at the end of the one before
    heads = MeteredDay.objects.filter(org_id=org, on__in=[month.first for month in months[:-1]])
    sizes = {month_of(on).previous: size for on, size in heads.values_list("on", "bytes")}
    return costs, sizes
