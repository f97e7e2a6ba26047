"""Who may open which page.

Every page of an organization is wrapped here. The organization comes from the address and is looked up among the
person's memberships at each request, so that a right taken away is gone at the next click.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ebbtide.apps.orgs import selectors
from ebbtide.apps.orgs.models import Organization, Permission, User
from ebbtide.domain.errors import NotYours
from ebbtide.engine.clock import Clock

P = ParamSpec("P")

_NEEDED = {
    Permission.DATA_VIEW: gettext_lazy("This needs the permission to view Data Management of %(org)s."),
    Permission.DATA_MANAGE: gettext_lazy("This needs the permission to manage Data Management of %(org)s."),
    Permission.INSIGHTS_VIEW: gettext_lazy("This needs the permission to view Insights of %(org)s."),
    Permission.RECORDINGS_LISTEN: gettext_lazy("This needs the permission to listen to recordings of %(org)s."),
    Permission.RECORDINGS_DOWNLOAD: gettext_lazy("This needs the permission to download recordings of %(org)s."),
    Permission.USERS_MANAGE: gettext_lazy("This needs the permission to manage the users of %(org)s."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A signed-in person at an organization's page, who may be there.

    Attributes:
        user: the person.
        access: what they may do there.
        now: the request's aware instant.
    """

    user: User
    access: selectors.Access
    now: datetime

    @property
    def org(self) -> Organization:
        """The organization."""
        return self.access.org

    @property
    def can_change(self) -> bool:
        """Whether they may create, edit and delete jobs and confirm plans."""
        return self.access.allows(Permission.DATA_MANAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorVisit:
    """The platform operator at a page of the platform.

    Attributes:
        user: the person.
        now: the request's aware instant.
    """

    user: User
    now: datetime


View = Callable[Concatenate[HttpRequest, Visit, P], HttpResponseBase]
OperatorView = Callable[Concatenate[HttpRequest, OperatorVisit, P], HttpResponseBase]
Routed = Callable[..., HttpResponseBase]
"""What an address leads to: its parts come by name."""
GET, POST = "GET", "POST"
DOOR = "ebbtide_door"
"""Attribute of a wrapped view: whose page it is, `operator` or `organization`; middleware reads it."""


def now_of(request: HttpRequest) -> datetime:
    """Read the clock the request was handed."""
    clock: Clock = request.clock  # type: ignore[attr-defined] # put there by ClockMiddleware
    return clock.now()


def operator_visit_of(request: HttpRequest) -> OperatorVisit | None:
    """Give the operator's visit a request turned out to be; None for every other page."""
    return getattr(request, "operator_visit", None)


def visit_of(request: HttpRequest) -> Visit | None:
    """Give the visit a request turned out to be; None for pages of no organization, and where nobody was let in."""
    return getattr(request, "visit", None)


def person(request: HttpRequest) -> User | None:
    """Give who is signed in; None where nobody is."""
    user = request.user
    return user if isinstance(user, User) and user.is_authenticated else None


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send somebody unknown to sign in, and back here afterwards; htmx is told to go there as a whole page."""
    answer = redirect_to_login(request.get_full_path(), resolve_url("login"))
    if request.headers.get("HX-Request") == "true":
        told = HttpResponse()
        told["HX-Redirect"] = answer.url
        return told
    return answer


def operator_page(*, methods: Sequence[str] = (GET,)) -> Callable[[OperatorView[P]], Routed]:
    """Let in the platform operator alone; to everybody else who is signed in there is no such page.

    Raises:
        NotYours: they are no operator.
    """

    def wrap(view: OperatorView[P]) -> Routed:
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = person(request)
            if user is None:
                return to_sign_in(request)
            if not user.is_operator:
                raise NotYours(_("There is no such page."))
            visit = OperatorVisit(user=user, now=now_of(request))
            request.operator_visit = visit  # type: ignore[attr-defined] # the frame around the page is made from it
            return view(request, visit, *args, **kwargs)

        return _door("operator", wrapped, methods=methods)

    return wrap


def _door(whose: str, view: Routed, *, methods: Sequence[str]) -> Routed:
    """Close a view to other methods and to caches, and mark whose page it is."""
    door = never_cache(require_http_methods(_with_head(methods))(view))
    setattr(door, DOOR, whose)
    return door


def _with_head(methods: Sequence[str]) -> list[str]:
    return [*methods, "HEAD"] if GET in methods else list(methods)


def organization_page(permission: Permission | None, *, methods: Sequence[str] = (GET,)) -> Callable[[View[P]], Routed]:
    """Let in who may: the view gets the request and the `Visit`; the address's `org` is used up here.

    Args:
        permission: what is needed, beside membership; None for every member.
        methods: HTTP methods accepted; HEAD goes with GET.

    Raises:
        NotYours: there is no such organization for them.
        PermissionDenied: they belong there, and may not do this.
    """

    def wrap(view: View[P]) -> Routed:
        @wraps(view)
        def wrapped(request: HttpRequest, /, org: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = person(request)
            if user is None:
                return to_sign_in(request)
            found = selectors.access(user, org_id=org)
            visit = Visit(user=user, access=found, now=now_of(request))
            if found.is_of_use:
                request.visit = visit  # type: ignore[attr-defined] # the frame around the page is made from it
            if permission is not None and not found.allows(permission):
                raise PermissionDenied(
                    _NEEDED[permission] % {"org": found.org.name}
                    + " "
                    + _("An admin of the organization grants it through a user group.")
                )
            return view(request, visit, *args, **kwargs)

        return _door("organization", wrapped, methods=methods)

    return wrap
