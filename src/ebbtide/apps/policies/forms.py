"""The job form: what a person typed becomes a job, or a message at the field that is wrong."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.domain.calendar import Days
from ebbtide.domain.errors import JobInvalid
from ebbtide.domain.identity import not_found
from ebbtide.domain.job import Job, JobType, What, parse_days

NOT_YET_MADE = 2**63 - 1
"""Number of a job that is being made: the highest, because of two equal jobs the older one decides."""

_FIELDS = {"queue": "queues"}
"""Domain name -> form field, where they differ."""


class JobForm(forms.Form):
    """Type, Qs, what and days of a job; `job` is what they amount to once the form is valid.

    Nothing is taken for granted: a part that is missing is asked for, never filled in with what would delete more.
    """

    type = forms.ChoiceField(
        label=gettext_lazy("Reach"), choices=[(JobType.GLOBAL, "Global"), (JobType.QUEUE, "Q")], required=False
    )
    queues = forms.Field(label=gettext_lazy("Qs"), widget=forms.SelectMultiple, required=False)
    what = forms.ChoiceField(
        label=gettext_lazy("Data"),
        choices=[(What.ALL, "All four types"), (What.DESKTOP, "Desktop recordings only")],
        required=False,
    )
    days = forms.CharField(
        label=gettext_lazy("Delete what is older than"),
        help_text=gettext_lazy(
            "A whole number of days, 1 to 5,000. Every record is kept at least this many full days."
        ),
        max_length=40,
        required=False,
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    job: Job

    def __init__(
        self,
        data: Any = None,
        *,
        queues: Mapping[str, int],
        editing: Job | None = None,
        initial: Mapping[str, object] | None = None,
    ) -> None:
        """Set the form up.

        Args:
            data: what was sent; None to show it.
            queues: public id -> number of every Q of the organization.
            editing: the job as it stands; its type stays.
            initial: what to show first.
        """
        super().__init__(data, initial=dict(initial or {}))
        self._queues = queues
        self._editing = editing

    @property
    def chosen(self) -> frozenset[int]:
        """The organization's Qs that are ticked, valid or not."""
        texts = self["queues"].value() or []
        return frozenset(self._queues[text] for text in texts if text in self._queues)

    def clean_type(self) -> JobType | None:
        """Take the type; of an existing job it stays what it is."""
        text = self.cleaned_data["type"]
        if self._editing is not None:
            if text and text != self._editing.type:
                raise ValidationError(
                    _("A job's type stays what it is: make a new job with the other type, then delete this one.")
                )
            return self._editing.type
        if not text:
            raise ValidationError(_("Choose how far the job reaches."))
        return JobType(text)

    def clean_queues(self) -> frozenset[int]:
        """Find the Qs; those of others are as little there as those that do not exist."""
        found = []
        for text in self.cleaned_data["queues"] or []:
            if text not in self._queues:
                raise ValidationError(not_found("que", text).message)
            found.append(self._queues[text])
        return frozenset(found)

    def clean_days(self) -> Days:
        """Read the period."""
        try:
            return parse_days(self.cleaned_data["days"])
        except JobInvalid as exc:
            raise ValidationError(exc.message) from exc

    def clean(self) -> dict[str, Any]:
        """Put the parts together, where each of them is good."""
        parts = self.cleaned_data
        type_ = parts.get("type")
        if type_ is JobType.QUEUE and not parts.get("what") and "what" not in self.errors:
            self.add_error("what", _("Choose which data the job deletes."))
        if not self.errors and type_ is not None:
            try:
                self.job = Job(
                    id=NOT_YET_MADE if self._editing is None else self._editing.id,
                    type=type_,
                    what=What(parts["what"] or What.ALL),
                    days=parts["days"],
                    queues=parts["queues"],
                )
            except JobInvalid as exc:
                self.add_error(_FIELDS.get(exc.field or "", exc.field), exc.message)
        return parts
