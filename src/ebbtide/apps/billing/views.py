"""Pages of costs, and the operator's rate cards."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.billing import cards, pages, selectors, services
from ebbtide.apps.billing.forms import RateCardForm, initial_of
from ebbtide.apps.billing.paper import rules, statement_pdf
from ebbtide.apps.orgs.access import GET, POST, OperatorVisit, Visit, operator_page, organization_page
from ebbtide.apps.orgs.database import acting_in, as_platform
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.domain.billing import month_of
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.web.listing import asked_of, csv_answer, every_row, sorted_rows

_UNACCEPTABLE = 422


@organization_page(Permission.DATA_VIEW)
def costs(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show what storage costs, by month."""
    asked = asked_of(request.GET, table=pages.MONTHS)
    with acting_in(visit.org.id):
        if asked.csv:
            rows = sorted_rows(pages.MONTHS, pages.every_month(visit.org), asked=asked)
            return csv_answer(pages.MONTHS, rows, name=f"ebbtide-costs-{public_id('org', visit.org.id)}")
        page = pages.costs_page(visit.org, now=visit.now, asked=asked)
    return render(request, "pages/costs.html", {"page": page})


@organization_page(Permission.DATA_VIEW)
def costs_month(request: HttpRequest, visit: Visit, month: str) -> HttpResponseBase:
    """Show the statement of a month, closed or running; its breakdown also for a spreadsheet."""
    asked = asked_of(request.GET, table=pages.SHARES)
    with acting_in(visit.org.id):
        statement, closed = pages.find_statement(month, org=visit.org.id)
        if asked.csv:
            rows = sorted_rows(
                pages.SHARES, pages.share_lines(statement, queues=queue_lines(org=visit.org.id)), asked=asked
            )
            return csv_answer(pages.SHARES, rows, name=f"ebbtide-{public_id('org', visit.org.id)}-{statement.month}")
        page = pages.statement_page(statement, closed, org=visit.org.id, asked=asked)
    return render(request, "pages/costs_month.html", {"page": page, "rules": rules(page.body)})


@organization_page(Permission.DATA_VIEW)
def costs_pdf(request: HttpRequest, visit: Visit, month: str) -> HttpResponse:
    """Give the statement of a month on paper."""
    del request
    with acting_in(visit.org.id):
        statement, closed = pages.find_statement(month, org=visit.org.id)
        shares = pages.share_lines(statement, queues=queue_lines(org=visit.org.id))
        body = pages.body(statement, org=visit.org.id, closed_at=None if closed is None else closed.closed_at)
    org_id = public_id("org", visit.org.id)
    paper = statement_pdf(
        body,
        shares=shares,
        org_name=visit.org.name,
        org_id=org_id,
        zone=visit.org.zone,
        sha256="" if closed is None else bytes(closed.sha256).hex(),
    )
    return HttpResponse(
        paper,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="ebbtide-{org_id}-{statement.month}.pdf"'},
    )


@operator_page(methods=(GET, POST))
def rate_card(request: HttpRequest, visit: OperatorVisit) -> HttpResponseBase:
    """Show the rate cards, try one on the last month, put one in force."""
    asked = asked_of(request.GET, table=cards.CARDS)
    month = month_of(visit.now.date())
    if request.method == POST:
        return _card_sent(request, visit)
    with as_platform():
        if asked.csv:
            found = every_row(
                cards.CARDS, cards.versions(), asked=asked, lines=lambda rows: cards.card_lines(rows, month=month)
            )
            return csv_answer(cards.CARDS, list(found), name="ebbtide-rate-cards")
        form = RateCardForm(initial=initial_of(selectors.card_version_for(org=None, month=month), month=month))
        page = cards.rate_card_page(now=visit.now, asked=asked)
    return render(request, "pages/rate_card.html", {"page": page, "form": form})


def _card_sent(request: HttpRequest, visit: OperatorVisit) -> HttpResponse:
    asked = asked_of(request.GET, table=cards.CARDS)
    form = RateCardForm(request.POST)
    good = form.is_valid()
    if good and "save" in request.POST:
        try:
            services.set_card(
                form.card,
                month=form.from_month,
                org=None if form.found_org is None else form.found_org.id,
                note=form.cleaned_data["note"],
                actor=visit.user.email,
                now=visit.now,
            )
        except InputInvalid as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
            good = False
        else:
            messages.success(
                request,
                _("The rate card is in force from %(month)s on. Closed months stay as they are.")
                % {"month": form.from_month},
            )
            return redirect("rate_card")
    last = month_of(visit.now.date()).previous
    effect = None
    with as_platform():
        if good and form.card is not None:
            org = None if form.found_org is None else form.found_org.id
            effect = cards.effect_on(form.card, month=last, org=org)
        page = cards.rate_card_page(
            now=visit.now,
            asked=asked,
            effect=effect,
            nothing_closed=good and form.card is not None and effect is None,
        )
    return render(request, "pages/rate_card.html", {"page": page, "form": form}, status=200 if good else _UNACCEPTABLE)
