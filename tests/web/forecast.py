"""Made-up but believable data for the pages that look ahead."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from django import forms

from ebbtide.apps.billing.ahead_charts import bytes_chart, costs_chart
from ebbtide.apps.billing.ahead_pages import AHEAD, ALERTS, LEVER
from ebbtide.apps.billing.cost_panel import _curve
from ebbtide.apps.billing.overview import ORGS
from ebbtide.apps.billing.stock import KINDS, Stock
from ebbtide.domain.billing import Money, Month
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.pace import Pace, Spread
from ebbtide.domain.whatif import STEPS, Point
from ebbtide.web.context.forecast import (
    AlertLine,
    BudgetBox,
    CostPanel,
    CostSide,
    ForecastPage,
    LeverLine,
    MonthAhead,
    OrgCost,
    PlatformCostsPage,
    TypeAhead,
    WhatIfPage,
)
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, Listing, list_rows

GB = 10**9
RUNNING = Month(2026, 11)
NAMES = ("Sales <EU>", "Support", "Fax")
QUEUES = tuple(QueueLine(id=n, name=name, archived=n == 3) for n, name in enumerate(NAMES, 1))
STOCK = Stock(
    today=date(2026, 11, 23),
    next_night=date(2026, 11, 24),
    keys=((1, DataType.DESKTOP),),
    paces=(Pace((GB,) * 7, 56),),
    spreads=dict.fromkeys(KINDS, Spread()),
    cells=pl.DataFrame(
        {"stream": [0], "day": [date(2026, 11, 20).toordinal()], "bytes": [600 * GB]},
        schema={"stream": pl.Int32, "day": pl.Int32, "bytes": pl.Int64},
    ),
    since=date(2025, 1, 1),
)


def usd(minor: int) -> Money:
    return Money("USD", minor)


def months(*, compares: bool, priced: bool = True) -> list[MonthAhead]:
    found, month = [], RUNNING
    for place in range(13):
        size = (600 + 40 * place) * GB
        found.append(
            MonthAhead(
                month=month,
                running=place == 0,
                bytes=size,
                bytes_low=size - place * 10 * GB,
                bytes_high=size + place * 14 * GB,
                cost=usd(41_200 + 2_000 * place) if priced else None,
                cost_low=usd(41_200 + 1_500 * place) if priced else None,
                cost_high=usd(41_200 + 2_700 * place) if priced else None,
                armed_bytes=400 * GB if compares else None,
                armed_cost=usd(30_000) if compares and priced else None,
            )
        )
        month = month.next
    return found


def forecast(
    *, compares: bool = False, priced: bool = True, used: int = 62, past: bool = True, **more: Any
) -> ForecastPage:
    ahead = months(compares=compares, priced=priced)
    budget = usd(41_200 * 100 // used)
    before = {RUNNING.previous: usd(40_100), RUNNING.previous.previous: usd(38_000)} if past else {}
    sizes = dict.fromkeys(before, 500 * GB)
    lever = LeverLine(
        queue=QUEUES[0],
        what="desktop",
        days=30,
        bytes=310 * GB,
        oldest=date(2025, 10, 18),
        monthly=usd(41_200),
        query="days=30",
    )
    alerts = [
        AlertLine(
            month=RUNNING.previous,
            percent=percent,
            budget=usd(40_000),
            forecast=usd(40_100),
            told=3,
            at=datetime(2026, 10, 20, 3, tzinfo=UTC),
        )
        for percent in (80, 100)
    ]
    box = BudgetBox(
        budget=budget,
        forecast=usd(41_200),
        month=RUNNING,
        used=used,
        currency="USD",
        alerts=list_rows(ALERTS, alerts, asked=Asked()),
    )
    values: dict[str, Any] = {
        "deletes": not compares,
        "has_jobs": True,
        "compares": compares,
        "priced": priced,
        "empty": False,
        "months": list_rows(AHEAD, ahead, asked=Asked()),
        "running": ahead[0],
        "last": ahead[-1],
        "year": usd(640_000) if priced else None,
        "settled": usd(38_000) if priced else None,
        "costs": costs_chart(ahead, past=before, budget=budget) if priced else None,
        "bytes": bytes_chart(ahead, past=sizes, stock=STOCK),
        "types": tuple(
            TypeAhead(data_type=kind, bytes=600 * GB, later=900 * GB, weekly=9 * GB, low=82, high=124)
            for kind in DataType
        ),
        "weeks": 52,
        "young": QUEUES[2:],
        "lever": lever if priced else None,
        "levers": list_rows(LEVER, [lever] if priced else [], asked=Asked()),
        "beyond": 30,
        "periods": (30, 60, 90),
        "budget": box if priced else None,
    }
    return ForecastPage(**{**values, **more})


def panel(*, year: int, settled: int | None = 30_000, **more: Any) -> CostPanel:
    points = [Point(days=days, first_month=usd(20 * min(days, 500)), settled=usd(19 * days)) for days in STEPS]
    before, then = (None, None) if settled is None else (usd(38_000), usd(settled))
    now = CostSide(running=usd(41_200), settled=before, later=usd(65_000), year=usd(640_000))
    after = CostSide(running=usd(40_000), settled=then, later=usd(31_000), year=usd(640_000 - year))
    values: dict[str, Any] = {
        "days": 30,
        "now": now,
        "after": after,
        "saving_month": usd(year // 12),
        "saving_year": usd(year),
        "night_bytes": 310 * GB,
        "night_monthly": usd(9_100),
        "curve": _curve(points, here=next(one for one in points if one.days == 30)),
        "first_month": RUNNING.next,
        "at_days": (usd(600), usd(570)),
        "points": tuple((one.days, one.first_month, one.settled) for one in points),
    }
    return CostPanel(**{**values, **more})


class JobForm(forms.Form):
    type = forms.CharField(required=False)
    what = forms.CharField(required=False)
    days = forms.CharField(required=False)


def org_cost(number: int, *, jobs: int, grown: int = 0, currency: str = "USD") -> OrgCost:
    money = Money(currency, 40_000 * number) if currency else None
    return OrgCost(
        id=number,
        name=f"Centre <{number}>",
        on=date(2026, 11, 23),
        jobs=jobs,
        onboarded_on=date(2021, 5, 1),
        bytes=number * 600 * GB,
        grown=grown,
        grown_percent=7 if grown > 0 else None,
        weekly=9 * GB,
        month=money,
        later=money,
        old_bytes=0 if jobs else 90 * GB,
        saving=money,
    )


def platform(**more: Any) -> PlatformCostsPage:
    orgs = [
        org_cost(1, jobs=0, grown=3 * GB),
        org_cost(2, jobs=4, grown=-GB, currency="EUR"),
        org_cost(3, jobs=1, currency=""),
    ]
    listing: Listing[OrgCost] = list_rows(ORGS, orgs, asked=Asked())
    values: dict[str, Any] = {
        "orgs": 3,
        "bytes": 3_600 * GB,
        "grown": 2 * GB,
        "months": (Money("EUR", 80_000), usd(40_000)),
        "laters": (Money("EUR", 90_000), usd(60_000)),
        "without_job": 1,
        "savings": (usd(40_000),),
        "growers": (orgs[0],),
        "view": "all",
        "listing": listing,
    }
    return PlatformCostsPage(**{**values, **more})


def forecast_samples(frame: Any, *, outside: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case of these pages: name -> (template, context)."""

    def page(shape: ForecastPage, **more: Any) -> tuple[str, dict[str, Any]]:
        return "pages/cost_forecast.html", {"frame": frame, "page": shape, "typed": "", "wrong": "", **more}

    def what_if(answer: CostPanel, **initial: str) -> tuple[str, dict[str, Any]]:
        shape = WhatIfPage(queues=QUEUES, chosen=frozenset({1}), panel=answer)
        return "pages/cost_what_if.html", {"frame": frame, "page": shape, "form": JobForm(initial=initial)}

    nothing = list_rows(LEVER, [], asked=Asked())
    return {
        "forecast-armed": page(forecast()),
        "forecast-simulating": page(forecast(compares=True, used=92)),
        "forecast-over-budget": page(forecast(used=131), typed="x", wrong="'x' is not an amount."),
        "forecast-unpriced": page(forecast(priced=False, compares=True)),
        "forecast-fresh": page(forecast(past=False, weeks=0, settled=None, lever=None, levers=nothing, young=QUEUES)),
        "forecast-empty": page(forecast(empty=True)),
        "what-if-saves": what_if(panel(year=210_000), type="queue", what="desktop", days="30"),
        "what-if-costs": what_if(panel(year=-90_000, settled=None, night_bytes=0), type="global", days="900"),
        "what-if-same": what_if(panel(year=0, deletes=True, curve=None), type="queue", days="30"),
        "what-if-missing": what_if(CostPanel(missing=("Choose how far the job reaches.",)), days="30"),
        "what-if-new": what_if(CostPanel()),
        "what-if-unpriced": what_if(CostPanel(priced=False, days=Days(30))),
        "platform-costs": ("pages/platform_costs.html", {"frame": outside, "page": platform()}),
        "platform-costs-none": ("pages/platform_costs.html", {"frame": outside, "page": platform(orgs=0)}),
    }
