"""What is asked about a token."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ebbtide.apps.tokens.scopes import NAMES, Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import MOST_DAYS

KINDS = {
    TokenKind.READ: gettext_lazy("Read"),
    TokenKind.FEED: gettext_lazy("Feed"),
}


class TokenForm(forms.Form):
    """A token's name, what it is for, and how long it is good."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("Which program will use it, such as Data warehouse."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("It is for"),
        choices=[(kind.value, label) for kind, label in KINDS.items()],
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may read"),
        required=False,
        choices=[(scope.value, NAMES[scope]) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(
        label=gettext_lazy("Good for"),
        min_value=1,
        max_value=MOST_DAYS,
        initial=90,
        help_text=gettext_lazy("Up to 730 days. Make a new one before it ends; both are good until then."),
    )

    def clean_kind(self) -> TokenKind:
        """Give the kind as what it is."""
        return TokenKind(self.cleaned_data["kind"])

    def clean_scopes(self) -> set[Scope]:
        """Give scopes as what they are."""
        return {Scope(one) for one in self.cleaned_data["scopes"]}

    def clean(self) -> dict[str, Any]:
        """Let a feed read nothing: what was ticked before its kind was chosen does not count."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("kind") is TokenKind.FEED:
            given["scopes"] = set()
        return given
