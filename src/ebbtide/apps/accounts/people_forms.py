"""What is asked about members and groups; ids come as the public ids of what is there, anything else is refused."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts.words import NAMES
from ebbtide.apps.orgs.models import Permission
from ebbtide.domain.identity import Kind, parse_id, public_id


class _Ids(forms.MultipleChoiceField):
    """Things ticked in a list."""

    def __init__(self, kind: Kind, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.CheckboxSelectMultiple, **kwargs)
        self._kind = kind

    def offer(self, numbers: Iterable[int]) -> None:
        """Accept these and no others."""
        self.choices = [(public_id(self._kind, number), str(number)) for number in numbers]

    def clean(self, value: Any) -> list[int]:
        """Give the numbers of what was ticked."""
        return [parse_id(self._kind, one) for one in super().clean(value)]


class MemberForm(forms.Form):
    """What a member may do."""

    is_admin = forms.BooleanField(label=gettext_lazy("Admin"), required=False)
    groups = _Ids("grp", label=gettext_lazy("Groups"))

    def __init__(self, *args: Any, groups: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["groups"]
        assert isinstance(field, _Ids)  # noqa: S101 - just made above
        field.offer(groups)


class InviteForm(MemberForm):
    """Whom to invite, and what they will be able to do."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)


class GroupForm(forms.Form):
    """A group's name, permissions and members."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        required=False,
        choices=[(one.value, NAMES[one]) for one in Permission],
        widget=forms.CheckboxSelectMultiple,
    )
    members = _Ids("mem", label=gettext_lazy("Members"))

    def __init__(self, *args: Any, members: Iterable[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["members"]
        assert isinstance(field, _Ids)  # noqa: S101 - just made above
        field.offer(members)

    def clean_permissions(self) -> set[Permission]:
        """Give permissions as what they are."""
        return {Permission(one) for one in self.cleaned_data["permissions"]}
