"""The forms around switching deletion on and off: a reason, a typed name, a look that was taken."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

REASON_LENGTH, NOTE_LENGTH = 500, 2_000


def _check_name(typed: str, *, name: str) -> str:
    if typed.strip() != name:
        raise ValidationError(_("That is not the organization's name: type it exactly as it stands above."))
    return typed


class AskForm(forms.Form):
    """The request of an organization: a note, its typed name, and that the numbers were looked at."""

    note = forms.CharField(
        label=gettext_lazy("Note to the platform operator"),
        help_text=gettext_lazy("Optional: who decided this, and whom to call back."),
        max_length=NOTE_LENGTH,
        required=False,
        widget=forms.Textarea,
    )
    seen = forms.BooleanField(
        label=gettext_lazy("I have looked at what will be deleted, and it may be deleted for good."),
        error_messages={"required": gettext_lazy("Look at the numbers first, then tick this.")},
    )
    name = forms.CharField(
        label=gettext_lazy("Type the organization's name to confirm"),
        max_length=200,
        error_messages={"required": gettext_lazy("Type the organization's name.")},
    )
    run = forms.CharField(widget=forms.HiddenInput, max_length=40)

    def __init__(self, data: Any = None, *, name: str, run: str) -> None:
        """Set the form up.

        Args:
            data: what was sent; None to show it.
            name: the organization's.
            run: public id of the simulation that is shown beside it.
        """
        super().__init__(data, initial={"run": run})
        self._name = name

    def clean_name(self) -> str:
        """Take the name only as it is."""
        return _check_name(self.cleaned_data["name"], name=self._name)


class ReasonForm(forms.Form):
    """A reason, which is kept; where a name is given, it has to be typed too."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=REASON_LENGTH,
        error_messages={"required": gettext_lazy("Give a reason: it is kept with the change.")},
    )
    name = forms.CharField(
        label=gettext_lazy("Type the organization's name to confirm"),
        max_length=200,
        error_messages={"required": gettext_lazy("Type the organization's name.")},
    )

    def __init__(self, data: Any = None, *, name: str = "", optional: bool = False) -> None:
        """Set the form up.

        Args:
            data: what was sent; None to show it.
            name: the organization's, where it has to be typed; empty where it has not.
            optional: whether the reason may be left out.
        """
        super().__init__(data)
        self._name = name
        self.fields["reason"].required = not optional
        if not name:
            del self.fields["name"]

    def clean_name(self) -> str:
        """Take the name only as it is."""
        return _check_name(self.cleaned_data["name"], name=self._name)
