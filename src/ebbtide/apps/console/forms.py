"""The operator's forms: what was typed becomes values, or a message at the field that is wrong."""

from datetime import date, time
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.console.services import MOST_ITEMS
from ebbtide.apps.orgs.services import clean_name, parse_clock
from ebbtide.apps.runs.throttling import MOST_A_SECOND, ThrottleSet, written
from ebbtide.domain.calendar import parse_day, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.web.context.console.organization import Settings

STOP_WORD = "STOP"
_REASON_LENGTH = 500


class OrgForm(forms.Form):
    """What an organization begins with."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("As its people know it; unique on this platform."),
        max_length=400,
        required=False,
    )
    zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        help_text=gettext_lazy("IANA name. Its nights start and its days end in this zone; it never changes."),
        max_length=80,
        required=False,
    )
    onboarded_on = forms.CharField(
        label=gettext_lazy("Onboarded on"),
        help_text=gettext_lazy("The date its contract says; it decides which job it starts with, and never changes."),
        max_length=40,
        required=False,
    )
    night_at = forms.CharField(
        label=gettext_lazy("Nights start at"),
        help_text=gettext_lazy("In its own time. It can be changed later."),
        max_length=40,
        initial="02:00",
        required=False,
    )
    email = forms.EmailField(
        label=gettext_lazy("First admin"),
        help_text=gettext_lazy("Gets an invitation by e-mail. Leave it empty to invite somebody later."),
        required=False,
    )

    def clean_name(self) -> str:
        """Take the name."""
        try:
            return clean_name(self.cleaned_data["name"], field="name", what=_("organization"))
        except InputInvalid as exc:
            raise ValidationError(exc.message) from exc

    def clean_zone(self) -> str:
        """Take a zone that exists."""
        text: str = self.cleaned_data["zone"].strip()
        if not text:
            raise ValidationError(_("Choose its time zone."))
        try:
            parse_zone(text)
        except InputInvalid as exc:
            raise ValidationError(exc.message) from exc
        return text

    def clean_onboarded_on(self) -> date:
        """Take a date."""
        text: str = self.cleaned_data["onboarded_on"].strip()
        if not text:
            raise ValidationError(_("Give the date of its onboarding."))
        try:
            return parse_day(text, field="onboarded_on")
        except InputInvalid as exc:
            raise ValidationError(exc.message) from exc

    def clean_night_at(self) -> time:
        """Take a time of day."""
        return _clock(self.cleaned_data["night_at"])


def _clock(text: str) -> time:
    try:
        return parse_clock(text.strip(), field="night_at")
    except InputInvalid as exc:
        raise ValidationError(exc.message) from exc


class ThrottleForm(forms.Form):
    """How fast deletion goes, and when. What is missing from a form altogether is not limited."""

    pairs: ClassVar[dict[str, str]] = {"rows": "rows_per_second", "objects": "objects_per_second"}
    """The choice whether there is a limit, and the field of its number."""

    rows = forms.ChoiceField(
        label=gettext_lazy("Speed of report rows"), choices=[("none", "none"), ("most", "most")], required=False
    )
    rows_per_second = forms.CharField(label=gettext_lazy("Rows a second"), max_length=40, required=False)
    objects = forms.ChoiceField(
        label=gettext_lazy("Speed of recordings"), choices=[("none", "none"), ("most", "most")], required=False
    )
    objects_per_second = forms.CharField(label=gettext_lazy("Recordings a second"), max_length=40, required=False)
    hours = forms.ChoiceField(label=gettext_lazy("Hours"), choices=[("none", "none"), ("most", "most")], required=False)
    hours_from = forms.CharField(label=gettext_lazy("From"), max_length=40, required=False)
    hours_until = forms.CharField(label=gettext_lazy("Until"), max_length=40, required=False)

    @classmethod
    def initial_of(cls, stands: Settings | ThrottleSet) -> dict[str, str]:
        """Write what stands as the form shows it."""
        initial = {"hours": "none" if stands.hours_from is None else "most"}
        for choice, number in cls.pairs.items():
            value = getattr(stands, number)
            initial |= {choice: "none" if value is None else "most", number: "" if value is None else str(value)}
        for name in ("hours_from", "hours_until"):
            at = getattr(stands, name)
            initial[name] = "" if at is None else f"{at:%H:%M}"
        return initial

    def clean(self) -> dict[str, Any]:
        """Read rates and hours: each is chosen to be none, or is given."""
        parts = self.cleaned_data
        parts["rows_per_second"] = self._cap("rows", "rows_per_second", most=MOST_A_SECOND, least=1)
        parts["objects_per_second"] = self._cap("objects", "objects_per_second", most=MOST_A_SECOND, least=1)
        is_between = parts.get("hours") == "most"
        for name in ("hours_from", "hours_until"):
            parts[name] = self._hour(name) if is_between else None
        if is_between and parts["hours_from"] is not None and parts["hours_from"] == parts["hours_until"]:
            self.add_error("hours_until", _("Give two different times."))
        return parts

    def throttle(self) -> ThrottleSet:
        """Give what a valid form amounts to."""
        names = ("rows_per_second", "objects_per_second", "hours_from", "hours_until")
        return ThrottleSet(**{name: self.cleaned_data[name] for name in names})

    def _cap(self, choice: str, number: str, *, most: int, least: int = 0) -> int | None:
        chosen = self.cleaned_data.get(choice) or ("none" if least else "")
        if chosen == "none":
            return None
        if chosen != "most":
            self.add_error(choice, _("Choose whether there is a cap."))
            return None
        text = str(self.cleaned_data.get(number, "")).strip().replace(",", "")
        if not text and least:
            self.add_error(number, _("Give a number, or choose that there is none."))
            return None
        if not text:
            self.add_error(number, _("Give a number, or choose no cap. 0 lets a night take nothing at all."))
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 13 or not least <= int(text) <= most:
            told = {"least": least, "most": f"{most:,}"}
            self.add_error(number, _("Give a whole number from %(least)s to %(most)s.") % told)
            return None
        return int(text)

    def _hour(self, name: str) -> time | None:
        try:
            return parse_clock(str(self.cleaned_data.get(name, "")).strip(), field=name)
        except InputInvalid as exc:
            self.add_error(name, exc.message)
            return None


class SettingsForm(ThrottleForm):
    """When nights start, what they may take, how fast and when. No cap is chosen, never left blank.

    Amount, rates and hours may be missing from a form altogether: then there are none.
    """

    pairs: ClassVar[dict[str, str]] = {
        "share": "share_percent",
        "count": "items",
        "nightly": "nightly_amount",
        **ThrottleForm.pairs,
    }

    night_at = forms.CharField(label=gettext_lazy("Nights start at"), max_length=40, required=False)
    share = forms.ChoiceField(
        label=gettext_lazy("Share of all items"), choices=[("none", "none"), ("most", "most")], required=False
    )
    share_percent = forms.CharField(label=gettext_lazy("Percent"), max_length=20, required=False)
    count = forms.ChoiceField(
        label=gettext_lazy("Number of items"), choices=[("none", "none"), ("most", "most")], required=False
    )
    items = forms.CharField(label=gettext_lazy("Items"), max_length=40, required=False)
    nightly = forms.ChoiceField(
        label=gettext_lazy("Nightly amount"),
        choices=[("none", "none"), ("most", "most")],
        initial="none",
        required=False,
    )
    nightly_amount = forms.CharField(label=gettext_lazy("Items a night"), max_length=40, required=False)

    @classmethod
    def showing(cls, settings: Settings) -> "SettingsForm":
        """Give the form filled with what stands."""
        return cls(initial={"night_at": f"{settings.night_at:%H:%M}", **cls.initial_of(settings)})

    def clean_night_at(self) -> time:
        """Take a time of day."""
        return _clock(self.cleaned_data["night_at"])

    def clean(self) -> dict[str, Any]:
        """Read the caps: each is chosen to be none, or has a number."""
        parts = super().clean()
        parts["share_percent"] = self._cap("share", "share_percent", most=100)
        parts["items"] = self._cap("count", "items", most=MOST_ITEMS)
        parts["nightly_amount"] = self._cap("nightly", "nightly_amount", most=MOST_ITEMS, least=1)
        return parts

    def settings(self) -> Settings:
        """Give what a valid form amounts to."""
        parts = self.cleaned_data
        return Settings(
            night_at=parts["night_at"],
            hours_from=parts["hours_from"],
            hours_until=parts["hours_until"],
            **{number: parts[number] for number in self.pairs.values()},
        )


class PlatformThrottleForm(ThrottleForm):
    """The platform's throttle; `stood` is what it was when the page was made."""

    stood = forms.CharField(widget=forms.HiddenInput, max_length=200, required=False)

    @classmethod
    def showing(cls, stands: ThrottleSet) -> "PlatformThrottleForm":
        """Give the form filled with what stands."""
        return cls(initial={"stood": written(stands), **cls.initial_of(stands)})


class ReasonForm(forms.Form):
    """Why an organization's kill switch is turned."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=_REASON_LENGTH, required=False)

    def clean_reason(self) -> str:
        """Take a reason that says something."""
        text: str = self.cleaned_data["reason"].strip()
        if not text:
            raise ValidationError(_("Give a reason: it is kept with the change, and shown while the switch is on."))
        return text


class SwitchForm(ReasonForm):
    """Turning the platform's kill switch on: a reason, and a word typed, because it stops every organization."""

    typed = forms.CharField(label=gettext_lazy("Type STOP to confirm"), max_length=40, required=False)

    def clean_typed(self) -> str:
        """Take the word itself."""
        text: str = self.cleaned_data["typed"].strip()
        if text != STOP_WORD:
            raise ValidationError(_("Type %(word)s in capitals.") % {"word": STOP_WORD})
        return text
