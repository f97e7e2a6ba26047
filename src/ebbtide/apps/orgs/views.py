"""Signing out, and the way to one's organization; signing in is the accounts' (`ebbtide.apps.accounts`)."""

from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ebbtide.apps.orgs.access import now_of, person, to_sign_in
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.orgs.selectors import access, organizations_of
from ebbtide.domain.identity import public_id
from ebbtide.web.context.shared import Frame, OrgLine

sign_out = LogoutView.as_view()


@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Lead a person to their organization or, an operator, to the platform; let them choose where there are several."""
    user = person(request)
    if user is None:
        return to_sign_in(request)
    orgs = organizations_of(user)
    if user.is_operator and not orgs:
        return redirect("platform")
    if len(orgs) == 1 and not user.is_operator and "choose" not in request.GET:
        found = access(user, org_id=public_id("org", orgs[0].id))
        people_only = found.allows(Permission.USERS_MANAGE) and not found.allows(Permission.DATA_VIEW)
        return redirect("people" if people_only else "home", org=orgs[0].id)
    lines = [OrgLine(id=org.id, name=org.name, zone=org.zone, armed=org.armed) for org in orgs]
    context = {"orgs": lines, "platform": user.is_operator, "frame": Frame(org=None, now=now_of(request))}
    return render(request, "pages/org_choose.html", context)
