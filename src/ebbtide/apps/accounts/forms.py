"""What is asked of people about their own account; labels are ours, the checks are django-allauth's and Django's."""

from typing import Any

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.account.internal import flows
from allauth.account.models import Login
from allauth.mfa.base import forms as codes
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts.lockout import counted
from ebbtide.apps.orgs.models import User
from ebbtide.apps.orgs.services import clean_name
from ebbtide.domain.errors import InputInvalid

NAME_LENGTH = 254
_LONGEST = 4096  # characters of a password: hashing more would only take time


def _password(label: Any, *, help_text: Any = "") -> forms.CharField:
    """Make a field for a password; it is never trimmed and never shown again."""
    return forms.CharField(
        label=label, strip=False, max_length=_LONGEST, widget=forms.PasswordInput, help_text=help_text
    )


def new_password_help() -> str:
    """Say what a password has to be."""
    return " ".join(password_validators_help_texts())


class SignInForm(forms.Form):
    """Name and password; the name's case does not count."""

    username = forms.CharField(label=gettext_lazy("E-mail"))
    password = forms.CharField(label=gettext_lazy("Password"), strip=False, widget=forms.PasswordInput)

    def __init__(self, *args: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean_username(self) -> str:
        """Write the name in one way: attempts are counted by it, and another spelling would be another count."""
        name: str = self.cleaned_data["username"]
        if len(name) > NAME_LENGTH:  # no account has such a name, and the count of attempts has no room for it
            raise self._wrong()
        return name.strip().lower()

    def clean(self) -> dict[str, Any]:
        """Find the person; an unknown name and a wrong password are answered alike, and take as long."""
        cleaned = super().clean() or {}
        if not self.errors:
            self.user = get_adapter().authenticate(
                self.request, email=cleaned["username"], password=cleaned["password"]
            )
            if self.user is None:
                raise self._wrong()
        return cleaned

    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponse:
        """Go on to the second factor, or in."""
        login = Login(user=self.user, email=self.cleaned_data["username"], redirect_url=redirect_url)
        answer: HttpResponse = flows.login.perform_password_login(
            request, {"email": self.cleaned_data["username"]}, login
        )
        return answer

    @staticmethod
    def _wrong() -> ValidationError:
        return ValidationError(
            _("Please enter a correct e-mail address and password. Capitals matter in the password."), code="wrong"
        )


class ForgottenForm(account.ResetPasswordForm):
    """Asks where to send the link for a new password."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=NAME_LENGTH)


class _Twice:
    """Says what a new password has to be, and that it is typed twice."""

    fields: dict[str, forms.Field]

    def _label(self) -> None:
        first, second = self.fields["password1"], self.fields["password2"]
        first.label, first.help_text = _("New password"), new_password_help()
        second.label = _("New password, once more")
        for field in (first, second):
            field.widget.attrs.pop("placeholder", None)


class NewPasswordForm(_Twice, account.ResetPasswordKeyForm):
    """Asks for a new password, behind a link that was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label()


class ChangePasswordForm(_Twice, account.ChangePasswordForm):
    """Asks for the password as it is and as it shall be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label()
        self.fields["oldpassword"].label = _("Current password")
        self.fields["oldpassword"].help_text = ""

    def clean_oldpassword(self) -> str:
        """Check the password as at sign-in: wrong ones are counted."""
        if not get_adapter().reauthenticate(self.user, self.cleaned_data["oldpassword"]):
            raise get_adapter().validation_error("enter_current_password")
        old: str = self.cleaned_data["oldpassword"]
        return old


class ConfirmForm(account.ReauthenticateForm):
    """Asks for the password again."""

    password = _password(gettext_lazy("Password"))


class _Code:
    """A code typed from an authenticator app, or a recovery code."""

    user: User
    fields: dict[str, forms.Field]

    def _label(self) -> None:
        self.fields["code"].label = _("Code")

    def clean_code(self) -> str:
        """Check the code; wrong ones are counted as wrong passwords are."""
        with counted(self.user):
            code: str = super().clean_code()  # type: ignore[misc] # of the form this is mixed into
        return code


class CodeForm(_Code, codes.AuthenticateForm):
    """Asks for a code after the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label()


class ConfirmCodeForm(_Code, codes.ReauthenticateForm):
    """Asks for a code again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label()


class EnrolAppForm(totp.ActivateTOTPForm):
    """Asks for the first code of an authenticator app, as a proof that it was set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Code that the app shows now")


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    """Takes what the browser made; a passkey alone is enough to sign in, so it must have checked who holds it."""

    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=80)

    def clean_passwordless(self) -> bool:
        """Insist on a passkey that asks for finger, face or PIN."""
        return True


class RenamePasskeyForm(webauthn.EditWebAuthnForm):
    """Asks for a passkey's name."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)


class NameForm(forms.Form):
    """Asks what somebody is called."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)

    def clean_name(self) -> str:
        """Accept what can be shown."""
        return _printable(self.cleaned_data["name"])


class FirstPasswordForm(NameForm):
    """Asks for a name and a first password."""

    password = _password(gettext_lazy("Password"))
    again = _password(gettext_lazy("Password, once more"))

    def __init__(self, *args: Any, address: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address
        self.fields["password"].help_text = new_password_help()

    def clean(self) -> dict[str, Any]:
        """Check the password against the rules and against the person's own name and address."""
        cleaned = super().clean() or {}
        password = cleaned.get("password")
        if password:
            try:
                validate_password(
                    password, User(email=cleaned.get("email") or self.address, name=cleaned.get("name", ""))
                )
            except ValidationError as exc:
                self.add_error("password", exc)
            if "again" in cleaned and cleaned["again"] != password:
                self.add_error("again", _("This is not the same password."))
        return cleaned


class OperatorForm(FirstPasswordForm):
    """Asks who the first operator is."""

    field_order = ("email", "name", "password", "again")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = forms.EmailField(label=_("E-mail"), max_length=NAME_LENGTH)
        self.order_fields(self.field_order)


def _printable(text: str) -> str:
    try:
        return clean_name(text, field="name", what="person")
    except InputInvalid as exc:
        raise ValidationError(exc.message) from exc
