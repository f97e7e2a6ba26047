"""The operator's overview of costs: from the positions kept each night, a few statements however many organizations."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from django.db.models import QuerySet, Sum
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from ebbtide.apps.billing.models import Position
from ebbtide.apps.orgs.database import as_platform
from ebbtide.domain.billing import Money
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.web.context.forecast import OrgCost, PlatformCostsPage
from ebbtide.web.listing import Asked, Column, Table, every_row, list_query

View = Literal["all", "without_job"]
_GROWERS = 5


def _amount(money: Money | None) -> object:
    return None if money is None else money.amount


ORGS: Table[OrgCost] = Table(
    name="orgs",
    columns=(
        Column(name="name", label=gettext_lazy("Organization"), value=lambda row: row.name, field="org__name"),
        Column(name="id", label="", value=lambda row: public_id("org", row.id), sortable=False),
        Column(
            name="onboarded",
            label=gettext_lazy("Onboarded"),
            value=lambda row: row.onboarded_on,
            field="org__onboarded_on",
        ),
        Column(name="jobs", label=gettext_lazy("Jobs"), value=lambda row: row.jobs, field="jobs", number=True),
        Column(name="bytes", label=gettext_lazy("At rest"), value=lambda row: row.bytes, field="bytes", number=True),
        Column(
            name="grown",
            label=gettext_lazy("In 30 days"),
            value=lambda row: row.grown,
            field="grown_bytes",
            number=True,
        ),
        Column(
            name="month",
            label=gettext_lazy("This month"),
            value=lambda row: _amount(row.month),
            field="month_minor",
            number=True,
        ),
        Column(
            name="in_a_year",
            label=gettext_lazy("In a year"),
            value=lambda row: _amount(row.later),
            field="later_minor",
            number=True,
        ),
        Column(
            name="older_than_400_days",
            label=gettext_lazy("Older than 400 days"),
            value=lambda row: row.old_bytes,
            field="old_bytes",
            number=True,
        ),
        Column(
            name="saving",
            label=gettext_lazy("400 days would save"),
            value=lambda row: _amount(row.saving),
            field="old_minor",
            number=True,
        ),
        Column(
            name="currency",
            label=gettext_lazy("Currency"),
            value=lambda row: row.month.currency if row.month else "",
            sortable=False,
        ),
        Column(name="metered", label=gettext_lazy("Metered"), value=lambda row: row.on, field="on"),
    ),
    sort="-month",
    fields=("org__name",),
    key="org_id",
)


def view_of(query: QueryDict) -> View:
    """Read which organizations are wanted.

    Raises:
        InputInvalid: there is no such view.
    """
    text = query.get("view", "all")
    if text == "all":
        return "all"
    if text == "without_job":
        return "without_job"
    raise InputInvalid("There are two views: all, and without_job.", field="view")


def _positions(*, view: View = "all") -> QuerySet[Position]:
    rows = Position.objects.select_related("org")
    return rows.filter(jobs=0) if view == "without_job" else rows


def _line(row: Position) -> OrgCost:
    def money(minor: int) -> Money | None:
        return Money(row.currency, minor) if row.currency else None

    before = row.bytes - row.grown_bytes
    return OrgCost(
        id=row.org_id,
        name=row.org.name,
        on=row.on,
        jobs=row.jobs,
        onboarded_on=row.org.onboarded_on,
        bytes=row.bytes,
        grown=row.grown_bytes,
        grown_percent=round(100 * row.grown_bytes / before) if before > 0 and row.grown_bytes else None,
        weekly=row.weekly_bytes,
        month=money(row.month_minor),
        later=money(row.later_minor),
        old_bytes=row.old_bytes,
        saving=money(row.old_minor),
    )


def _lines(rows: Sequence[Position]) -> list[OrgCost]:
    return [_line(row) for row in rows]


def platform_page(asked: Asked, *, view: View) -> PlatformCostsPage:
    """Give the overview.

    Args:
        asked: of the table of organizations.
        view: all of them, or those without a job.
    """
    with as_platform():
        whole = _positions().aggregate(size=Sum("bytes"), grown=Sum("grown_bytes"))
        by_currency = _sums(_positions(), month="month_minor", later="later_minor")
        idle = _positions(view="without_job")
        savings = _sums(idle, old="old_minor")
        return PlatformCostsPage(
            orgs=_positions().count(),
            bytes=int(whole["size"] or 0),
            grown=int(whole["grown"] or 0),
            months=tuple(Money(currency, int(sums["month"])) for currency, sums in by_currency.items()),
            laters=tuple(Money(currency, int(sums["later"])) for currency, sums in by_currency.items()),
            without_job=idle.count(),
            savings=tuple(Money(currency, int(sums["old"])) for currency, sums in savings.items() if sums["old"]),
            growers=tuple(_lines(list(_positions().filter(grown_bytes__gt=0).order_by("-grown_bytes")[:_GROWERS]))),
            view=view,
            listing=list_query(ORGS, _positions(view=view), asked=asked, lines=_lines),
        )


def _sums(rows: QuerySet[Position], **fields: str) -> dict[str, dict[str, Any]]:
    """Add up by currency: amounts of two currencies have no sum."""
    priced = rows.exclude(currency="").values("currency").order_by("currency")
    found = priced.annotate(**{name: Sum(field) for name, field in fields.items()})
    return {str(row["currency"]): dict(row) for row in found}


def every_org(asked: Asked, *, view: View) -> Iterator[OrgCost]:
    """Stream all organizations of a view: what goes into the CSV."""
    with as_platform():
        yield from every_row(ORGS, _positions(view=view), asked=asked, lines=_lines)
