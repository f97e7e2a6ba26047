"""What of django-allauth is ours: nobody signs up, one lock-out, our words, secrets encrypted at rest."""

import base64
import hashlib
import secrets
from functools import cache
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts.mail import post
from ebbtide.apps.accounts.selectors import has_second_factor
from ebbtide.apps.orgs.access import now_of
from ebbtide.apps.orgs.models import User

FRESH_S = 300
"""For how many seconds signing in, or confirming that it is oneself, is good for changing how one signs in."""

_SAID = {
    "account/messages/password_changed.txt": gettext_lazy("Your password was changed."),
    "mfa/messages/totp_activated.txt": gettext_lazy("The authenticator app is set up. It is asked for at sign-in."),
    "mfa/messages/totp_deactivated.txt": gettext_lazy("The authenticator app was removed."),
    "mfa/messages/webauthn_added.txt": gettext_lazy("The passkey was added."),
    "mfa/messages/webauthn_removed.txt": gettext_lazy("The passkey was removed."),
}
"""What allauth wants to say, in our words; what is not here is not said."""
_NOTICES = {
    "account/email/password_changed": gettext_lazy("Your password was changed."),
    "account/email/password_reset": gettext_lazy("Your password was set anew with a link sent to this address."),
    "mfa/email/totp_activated": gettext_lazy("An authenticator app was set up for your account."),
    "mfa/email/totp_deactivated": gettext_lazy("The authenticator app was removed from your account."),
    "mfa/email/webauthn_added": gettext_lazy("A passkey was added to your account."),
    "mfa/email/webauthn_removed": gettext_lazy("A passkey was removed from your account."),
    "mfa/email/recovery_codes_generated": gettext_lazy("New recovery codes were made for your account."),
}


def client_address(request: HttpRequest) -> str:
    """Give the address a request came from: past as many proxies of ours as EBBTIDE_PROXIES says, and no more.

    Each proxy adds whom it heard from at the end; what stands before that was written by strangers.
    """
    direct = str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # noqa: S104 - unknown; nothing is bound
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return told[-proxies] if proxies and len(told) >= proxies else direct


def is_ours(url: str) -> bool:
    """Whether an address to go on to is one of this product: a path, and nothing that leads elsewhere."""
    return "\0" not in url and url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts: made by invitation alone, known by their e-mail address."""

    error_messages = {  # noqa: RUF012 - allauth's attribute
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": gettext_lazy("Too many attempts. Wait a few minutes and try again."),
        "enter_current_password": gettext_lazy("This is not your current password."),
        "incorrect_password": gettext_lazy("This is not your password."),
        "invalid_password_reset": gettext_lazy("This link has been used, or is too old."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up."""
        del request
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        """Answer everybody with pages: there is no interface for programs."""
        del request
        return False

    def is_safe_url(self, url: str) -> bool:
        """Whether somebody may be led there."""
        return is_ours(url)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Give the address a request came from."""
        return client_address(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Find the person with this name and password; counted and locked out by axes, no slower for unknown names."""
        name = credentials.get("email") or credentials.get("username")
        found = authenticate(request, username=name, password=credentials.get("password"))
        return found if isinstance(found, User) else None

    def reauthenticate(self, user: User, password: str) -> bool:
        """Check the password of whoever is signed in; wrong ones count as at sign-in."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Whether to ask again: not within five minutes of signing in or of confirming."""
        del app
        request = context.request
        last = max((record["at"] for record in get_authentication_records(request, request.user)), default=0)
        return bool(now_of(request).timestamp() - last > FRESH_S)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Give the ways to confirm: the second factor where there is one; a password alone may be a stolen one."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and has_second_factor(user):
            return [method for method in methods if method["id"] != "reauthenticate"]
        return methods

    def get_login_stages(self) -> list[str]:
        """Give what comes between the password and being in."""
        return ["allauth.mfa.stages.AuthenticateStage"]

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Say where to go after changing the password."""
        del request
        return reverse("account")

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Answer somebody who was shut out as if there were no such account."""
        del user
        messages.error(request, _("Signing in did not work."))
        return redirect("login")

    def add_message(  # noqa: D102 - allauth's
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        del message_context
        said = message or _SAID.get(message_template or "")
        if said:
            messages.add_message(request, level, str(said), extra_tags=extra_tags)

    def set_password(self, user: User, password: str) -> None:
        """Store a new password; sessions other than this one end with the old."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Send the link for a new password, to the address of the account whatever was typed."""
        del email
        self._post("password_reset", user, {"link": context["password_reset_url"]}, subject=_("Your new password"))

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody that the way they sign in was changed."""
        del context, email
        said = _NOTICES.get(template_prefix)
        if said:
            self._post("notice", user, {"said": said}, subject=_("Your account was changed"))

    def _post(self, name: str, user: User, more: dict[str, Any], *, subject: str) -> None:
        request = self.request
        about = {"name": user.name, "email": user.email, "now": now_of(request), "address": client_address(request)}
        text = render_to_string(f"account/email/{name}.txt", {**about, **more})
        post(EmailMessage(f"Ebbtide: {subject}", text.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [user.email]))


@cache
def _box(key: str) -> Fernet:
    """Give what encrypts the secrets of second factors: a key of its own, derived from the signing key."""
    return Fernet(
        base64.urlsafe_b64encode(hashlib.blake2b(key.encode(), digest_size=32, person=b"ebbtide-factors").digest())
    )


class FactorAdapter(DefaultMFAAdapter):
    """Second factors: their secrets are encrypted in the database."""

    error_messages = {  # noqa: RUF012 - allauth's attribute
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This did not work. Try again with a new code, or with another passkey."),
    }

    def encrypt(self, text: str) -> str:
        """Encrypt the secret of an authenticator app or of recovery codes."""
        return _box(str(settings.SECRET_KEY)).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt; after a change of the signing key every code is wrong, instead of guessable."""
        try:
            return _box(str(settings.SECRET_KEY)).decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        """Propose a name for a passkey."""
        del user, type
        return _("Passkey")

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name this product to the browser; passkeys belong to its host name."""
        return {"id": context.request.get_host().partition(":")[0], "name": "Ebbtide"}


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: for people who have an account here, by an address the provider has verified."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Nobody signs up."""
        del request, sociallogin
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find the account of whoever the provider says this is.

        Raises:
            ImmediateHttpResponse: there is none, or it was shut out; both are told in the same words.
        """
        if sociallogin.state.get("process") != "login":
            raise self._turned_away(request, _("Signing in did not work. Try again."))
        if sociallogin.is_existing:
            return
        proven = [one.email for one in sociallogin.email_addresses if one.verified]
        user = User.objects.filter(email__in=[email.lower() for email in proven], is_active=True).first()
        if user is None:
            raise self._turned_away(request, _("There is no account for you here yet: ask to be invited."))
        sociallogin.connect(request, user)

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Lead back to sign-in where the provider said no, or something foreign came back.

        Raises:
            ImmediateHttpResponse: always.
        """
        del provider, error, exception, extra_context
        raise self._turned_away(request, _("Signing in did not work. Try again."))

    @staticmethod
    def _turned_away(request: HttpRequest, said: str) -> ImmediateHttpResponse:
        messages.error(request, said)
        return ImmediateHttpResponse(redirect("login"))
