"""One's own account: who one is, the password, where one is signed in."""

import re
from typing import Any

from allauth.account import views as account
from allauth.usersessions.internal.flows.sessions import end_other_sessions, end_sessions
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ebbtide.apps.accounts.forms import NameForm
from ebbtide.apps.accounts.selectors import has_second_factor
from ebbtide.apps.orgs.access import GET, POST, now_of, person, to_sign_in
from ebbtide.apps.orgs.models import User
from ebbtide.web.context.accounts import AccountPage, SessionLine, SessionsPage

_UNACCEPTABLE = 422
_BROWSERS = (
    ("Edge", r"Edg"),
    ("Opera", r"OPR"),
    ("Firefox", r"Firefox"),
    ("Chrome", r"Chrom(e|ium)"),
    ("Safari", r"Safari"),
)
_SYSTEMS = (
    ("Windows", r"Windows"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


def browser_name(user_agent: str) -> str:
    """Say a browser as people know it ("Firefox on Windows"); its own words, cut, where it is none we know."""
    browser = next((name for name, sign in _BROWSERS if re.search(sign, user_agent)), "")
    system = next((name for name, sign in _SYSTEMS if re.search(sign, user_agent)), "")
    if browser and system:
        return pgettext("browser on system", "%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or user_agent[:60] or _("unknown browser")


def _me(request: HttpRequest) -> User:
    user = person(request)
    assert user is not None  # noqa: S101 - views here are behind `own`
    return user


def own(view: Any) -> Any:
    """Let in whoever is signed in; pages of an account are not kept by browsers."""

    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if person(request) is None:
            return to_sign_in(request)
        return view(request, *args, **kwargs)

    return never_cache(wrapped)


@own
@require_http_methods([GET, "HEAD", POST])
def overview(request: HttpRequest) -> HttpResponse:
    """Show the account, and change the name people see."""
    user = _me(request)
    form = NameForm(request.POST if request.method == POST else None, initial={"name": user.name})
    if form.is_valid():
        user.name = form.cleaned_data["name"]
        user.save(update_fields=["name"])
        messages.success(request, _("Your name was changed."))
        return redirect("account")
    page = AccountPage(
        email=user.email,
        second_factor=has_second_factor(user),
        since=user.created_at,
        last_sign_in=user.last_login,
        now=now_of(request),
    )
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/account.html", {"form": form, "page": page}, status=status)


class ChangePassword(account.PasswordChangeView):
    """Changes the password; every other session ends with it."""

    template_name = "account/password_change.html"


change_password = own(ChangePassword.as_view())


@own
@require_http_methods([GET, "HEAD", POST])
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where one is signed in; end one of them, or all the others."""
    user = _me(request)
    if request.method == POST:
        return _end(request, user)
    found = sorted(UserSession.objects.purge_and_list(user), key=lambda one: (not one.is_current(), -one.pk))
    lines = tuple(
        SessionLine(
            id=one.pk,
            since=one.created_at,
            address=one.ip,
            browser=browser_name(one.user_agent),
            user_agent=one.user_agent,
            current=one.is_current(),
        )
        for one in found
    )
    return render(request, "pages/sessions.html", {"page": SessionsPage(sessions=lines, now=now_of(request))})


def _end(request: HttpRequest, user: User) -> HttpResponse:
    number = request.POST.get("session", "")
    if number == "others":
        end_other_sessions(request, user)
        messages.success(request, _("All other sessions were ended."))
        return redirect("usersessions_list")
    one = (
        UserSession.objects.filter(user=user, pk=int(number)).first()
        if number.isdecimal() and len(number) < 19
        else None
    )
    if one is not None and not one.is_current():
        end_sessions(request, [one])
    messages.success(request, _("The session was ended."))
    return redirect("usersessions_list")
