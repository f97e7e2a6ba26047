"""The banner that says the budget will not do, on pages people come by: home, and the statements.

A context processor, because home belongs to an app below this one. It says what the nightly check found, held against
the budget in force now; the forecast itself has the figure of the moment.
"""

from django.http import HttpRequest

from ebbtide.apps.billing.budgets import THRESHOLDS, budget_of, used_percent
from ebbtide.apps.billing.models import BudgetAlert
from ebbtide.apps.orgs.access import visit_of
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.domain.billing import Money, month_of
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.web.context.forecast import BudgetNote

_PAGES = {"home", "costs", "costs_month"}


def budget_note(request: HttpRequest) -> dict[str, BudgetNote]:
    """Give `budget_note` to pages people come by, where there is something to say."""
    visit = visit_of(request)
    name = request.resolver_match.url_name if request.resolver_match else None
    if visit is None or name not in _PAGES or not visit.access.allows(Permission.DATA_VIEW):
        return {}
    org = visit.org
    month = month_of(local_day(visit.now, zone=parse_zone(org.zone)))
    with acting_in(org.id):
        alert = BudgetAlert.objects.filter(org_id=org.id, month=month.first).order_by("-percent").first()
        budget = None if alert is None else budget_of(org=org.id)
    if alert is None or budget is None:
        return {}
    forecast = Money(alert.currency, alert.forecast_minor)
    used = used_percent(forecast, budget=budget)
    if used is None or used < THRESHOLDS[0]:
        return {}
    return {"budget_note": BudgetNote(month=month, forecast=forecast, budget=budget, used=used)}
