"""The rate card form: what the operator typed becomes a card, or a message at the field that is wrong."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.billing.models import RateCardVersion
from ebbtide.apps.billing.selectors import card_of
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.domain.billing import (
    MINOR_UNITS,
    MOST_INCLUDED,
    Month,
    Price,
    RateCard,
    make_card,
    parse_month,
    parse_price,
)
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import InputInvalid, NotYours

_LONGEST = 60


def _price(label: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=_LONGEST, required=False)


def _days() -> forms.CharField:
    return forms.CharField(label=gettext_lazy("Included up to"), max_length=_LONGEST, required=False)


class RateCardForm(forms.Form):
    """From which month on, for whom, in which currency, and four prices; `card` is what they amount to."""

    month = forms.CharField(
        label=gettext_lazy("In force from"),
        help_text=gettext_lazy("A month, YYYY-MM. The present one or a later one: what is over never changes."),
        max_length=_LONGEST,
        required=False,
    )
    org = forms.CharField(
        label=gettext_lazy("Only for"),
        help_text=gettext_lazy(
            "Name or id of one organization that pays by a card of its own. Empty: all organizations without one."
        ),
        max_length=200,
        required=False,
    )
    inherit = forms.BooleanField(
        label=gettext_lazy("Lead the organization named above back to the platform's card"), required=False
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=_LONGEST, required=False)
    price_insights = _price(gettext_lazy("Reporting data"))
    price_audio = _price(gettext_lazy("Audio recordings"))
    price_transcript = _price(gettext_lazy("Transcripts"))
    price_desktop = _price(gettext_lazy("Desktop recordings"))
    days_insights = _days()
    days_audio = _days()
    days_transcript = _days()
    note = forms.CharField(
        label=gettext_lazy("Note"), help_text=gettext_lazy("Why; kept in the history."), max_length=500, required=False
    )

    card: RateCard | None
    found_org: Organization | None
    from_month: Month

    def clean_month(self) -> str:
        """Read the month."""
        text: str = self.cleaned_data["month"].strip()
        try:
            self.from_month = parse_month(text, field="month")
        except InputInvalid as exc:
            raise ValidationError(exc.message) from exc
        return text

    def clean_org(self) -> str:
        """Find the organization, where one is named."""
        text: str = self.cleaned_data["org"].strip()
        try:
            self.found_org = find_organization(text) if text else None
        except NotYours as exc:
            raise ValidationError(_("There is no such organization: give its id or its exact name.")) from exc
        return text

    def _price_of(self, kind: DataType) -> Price | None:
        name = f"price_{kind}"
        text = self.cleaned_data.get(name, "").strip()
        if not text:
            self.add_error(name, _("Give a price; 0 where it costs nothing."))
            return None
        try:
            price = parse_price(text, field=name)
        except InputInvalid as exc:
            self.add_error(name, exc.message)
            return None
        return Price(price, self._days_of(kind))

    def _days_of(self, kind: DataType) -> Days | None:
        if kind is DataType.DESKTOP:
            return None
        name = f"days_{kind}"
        text = self.cleaned_data.get(name, "").strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_INCLUDED):
            self.add_error(
                name, _("A whole number of days from 1 to %(most)s; empty: nothing is free.") % {"most": MOST_INCLUDED}
            )
            return None
        return Days(int(text))

    def clean(self) -> dict[str, Any]:
        """Put the card together, where each of its parts is good."""
        parts = self.cleaned_data
        if self.data.get("days_desktop"):
            self.add_error("price_desktop", _("Desktop recordings are always billed: they have no included days."))
        if parts.get("inherit"):
            if not parts.get("org") and "org" not in self.errors:
                self.add_error("org", _("Name the organization to lead back to the platform's card."))
            self.card = None
            return parts
        if parts.get("currency", "").strip().upper() not in MINOR_UNITS:
            self.add_error("currency", _("Choose a currency of the list."))
        prices = {kind: price for kind in DataType if (price := self._price_of(kind)) is not None}
        if self.errors:
            return parts
        try:
            self.card = make_card(parts["currency"].strip().upper(), prices)
        except InputInvalid as exc:
            self.add_error("currency" if exc.field == "currency" else f"price_{exc.field}", exc.message)
        return parts


def initial_of(row: RateCardVersion | None, *, month: Month) -> dict[str, object]:
    """Give what the form shows first: the card in force, from the present month on."""
    shown: dict[str, object] = {"month": str(month), "currency": "USD"}
    card = None if row is None else card_of(row)
    if card is None:
        return shown
    shown["currency"] = card.currency
    for kind, price in card.prices.items():
        shown[f"price_{kind}"] = f"{price.per_gb_month:f}"
        if kind is not DataType.DESKTOP:
            shown[f"days_{kind}"] = "" if price.included_days is None else str(price.included_days)
    return shown
