"""Who must have a second factor is led to it before anything else opens (EBBTIDE_SECOND_FACTOR)."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from ebbtide.apps.accounts.selectors import has_second_factor
from ebbtide.apps.orgs.access import DOOR, GET, person
from ebbtide.apps.orgs.database import mapped_errors

Answer = Callable[[HttpRequest], HttpResponse]


def demanded_at(door: str) -> bool:
    """Whether pages of this kind open only to people with a second factor; `door` as `access.DOOR` marks it."""
    if settings.EBBTIDE_SECOND_FACTOR == "everyone":
        return door in {"operator", "organization"}
    return bool(settings.EBBTIDE_SECOND_FACTOR == "operators" and door == "operator")


class SecondFactorMiddleware:
    """Look, before a page of the platform or of an organization opens, whether its visitor has what is demanded.

    It asks the database at each request, so that a factor that was taken away counts no longer at the next click.
    Whether the page is open to them at all is none of its business: that is decided behind it.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: object, kwargs: object
    ) -> HttpResponse | None:
        """Lead to enrolment where a factor is demanded and there is none."""
        del args, kwargs
        if not demanded_at(getattr(view, DOOR, "")):
            return None
        user = person(request)
        if user is None:
            return None
        if getattr(view, DOOR) == "operator" and not user.is_operator:
            return None  # to them there is no such page
        with mapped_errors():
            if has_second_factor(user):
                return None
        messages.warning(request, _("Set up a second factor first: these pages do not open without one."))
        back = request.get_full_path() if request.method == GET else reverse("start")
        aim = f"{reverse('mfa_index')}?{urlencode({'next': back})}"
        if request.headers.get("HX-Request") == "true":
            told = HttpResponse()
            told["HX-Redirect"] = aim
            return told
        return redirect(aim)
