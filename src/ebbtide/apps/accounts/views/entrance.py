"""Getting in: sign-in, second step, passkey, forgotten password, the set-up link and the invitation."""

import json
from typing import Any

from allauth.account import views as account
from allauth.account.internal import flows
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.base import views as factors
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ebbtide.apps.accounts import services, set_up
from ebbtide.apps.accounts.forms import FirstPasswordForm, OperatorForm
from ebbtide.apps.accounts.models import Invitation
from ebbtide.apps.orgs.access import GET, POST, now_of, person
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import User
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import parse_id
from ebbtide.web.context.accounts import InvitationPage

_UNACCEPTABLE = 422


def options_json(options: object) -> str:
    """Write what a browser needs for a passkey, for a data attribute."""
    return json.dumps(options, cls=DjangoJSONEncoder)


class SignIn(account.LoginView):
    """Name and password, or on to the passkey or the provider."""

    template_name = "account/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template where to go on to, if that is one of our pages."""
        aim = get_next_redirect_url(self.request) or ""
        provider = settings.EBBTIDE_SINGLE_SIGN_ON
        sso = ""
        if provider is not None:
            sso = reverse("openid_connect_login", kwargs={"provider_id": "sso"})
            sso += f"?{urlencode({'next': aim})}" if aim else ""
        return {
            **super().get_context_data(**kwargs),
            "next": aim,
            "sso_name": provider.name if provider else "",
            "sso_url": sso,
        }


class SecondStep(factors.AuthenticateView):
    """The second factor, after the password."""

    template_name = "mfa/authenticate.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Tell the template what the browser needs, where there is a passkey."""
        found = super().get_context_data(**kwargs)
        options = found["js_data"]["request_options"]
        known = options["publicKey"].get("allowCredentials")
        return {**found, "options": options_json(options) if known else ""}


class PasskeySignIn(webauthn.LoginWebAuthnView):
    """Signing in by passkey alone; the page asks the browser for one as soon as it is open."""

    template_name = "mfa/webauthn/login.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page that asks for a passkey."""
        del args, kwargs
        options = options_json(begin_authentication(user=None))
        answer: HttpResponse = self.render_to_response(
            {"options": options, "next": get_next_redirect_url(request) or ""}
        )
        return answer

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in, and go on to where they wanted to go."""
        authenticator = form.cleaned_data["credential"]
        login = Login(user=authenticator.user, redirect_url=get_next_redirect_url(self.request))
        answer: HttpResponse = webauthn.flows.perform_passwordless_login(self.request, authenticator, login)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        """Offer to try again."""
        super().form_invalid(form)
        return redirect("mfa_login_webauthn")


class Forgotten(account.PasswordResetView):
    """Asks where to send the link; the answer is the same whether there is such an account or not."""

    template_name = "account/password_reset.html"


class ForgottenSent(account.PasswordResetDoneView):
    """Says that the link is on its way, if there is such an account."""

    template_name = "account/password_reset_done.html"


class NewPassword(account.PasswordResetFromKeyView):
    """Takes a new password, behind the link that was sent."""

    template_name = "account/password_reset_from_key.html"
    success_url = reverse_lazy("login")


sign_in = never_cache(SignIn.as_view())
second_step = never_cache(SecondStep.as_view())
passkey_sign_in = never_cache(PasskeySignIn.as_view())
forgotten = never_cache(Forgotten.as_view())
forgotten_sent = never_cache(ForgottenSent.as_view())
new_password = never_cache(NewPassword.as_view())


@never_cache
@require_http_methods([GET, "HEAD", POST])
@sensitive_post_parameters("password", "again")
def first_operator(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first operator; a link that is good for nothing leads nowhere."""
    now = now_of(request)
    set_up.check_link(token, now=now)
    form = OperatorForm(request.POST if request.method == POST else None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            user = set_up.make_operator(
                token, email=given["email"], name=given["name"], password=given["password"], now=now
            )
        except InputInvalid as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            return _let_in(request, user, aim=reverse("mfa_index"))
    return render(request, "pages/set_up.html", {"form": form}, status=_UNACCEPTABLE if form.errors else 200)


@never_cache
@require_http_methods([GET, "HEAD", POST])
@sensitive_post_parameters("password", "again")
def invitation(request: HttpRequest, org: str, token: str) -> HttpResponse:
    """Accept an invitation: with a new account, or with the one that is there."""
    now, number = now_of(request), parse_id("org", org)
    with acting_in(number):
        row = services.invitation_behind(number, token, now=now)
    user = person(request)
    if user is not None:
        return _as_oneself(request, row, token=token, user=user)
    if User.objects.filter(email__iexact=row.email).exists():
        if request.method == POST:
            return redirect(f"{reverse('login')}?{urlencode({'next': request.path})}")
        return render(request, "pages/invitation.html", {"page": _page(row, asks="sign-in", path=request.path)})
    form = FirstPasswordForm(request.POST if request.method == POST else None, address=row.email)
    if form.is_valid():
        given = form.cleaned_data
        made = services.accept_as_new(number, token, name=given["name"], password=given["password"], now=now)
        return _let_in(request, made, aim=reverse("start"))
    return render(
        request,
        "pages/invitation.html",
        {"form": form, "page": _page(row, asks="password", path=request.path)},
        status=_UNACCEPTABLE if form.errors else 200,
    )


def _as_oneself(request: HttpRequest, row: Invitation, *, token: str, user: User) -> HttpResponse:
    if user.email.lower() != row.email:
        page = _page(row, asks="other", path=request.path)
        return render(request, "pages/invitation.html", {"page": page}, status=409 if request.method == POST else 200)
    if request.method == POST:
        services.accept(row.org_id, token, user=user, now=now_of(request))
        return redirect("start")
    return render(request, "pages/invitation.html", {"page": _page(row, asks="join", path=request.path)})


def _page(row: Invitation, *, asks: Any, path: str) -> InvitationPage:
    return InvitationPage(
        org=row.org.name, email=row.email, invited_by=row.invited_by, is_admin=row.is_admin, asks=asks, path=path
    )


def _let_in(request: HttpRequest, user: User, *, aim: str) -> HttpResponse:
    """Sign in whoever has just chosen a password, with a session key of their own."""
    login = Login(user=user, email=user.email, redirect_url=aim)
    answer: HttpResponse = flows.login.perform_password_login(request, {"email": user.email}, login)
    return answer
