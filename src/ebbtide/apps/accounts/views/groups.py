"""User groups of an organization: what their members may do, and who they are."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import groups as services
from ebbtide.apps.accounts import selectors
from ebbtide.apps.accounts.people_forms import GroupForm
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.tables import GROUPS, group_lines
from ebbtide.apps.accounts.words import MEANINGS, NAMES
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Group, Membership, Permission
from ebbtide.domain.errors import InputInvalid, Refused
from ebbtide.domain.identity import public_id
from ebbtide.web.context.accounts import Choice, GroupLine, GroupPage, GroupsPage, PartingPage
from ebbtide.web.listing import asked_of, csv_answer, list_rows, sorted_rows

_UNACCEPTABLE = 422


@organization_page(Permission.USERS_MANAGE)
def groups(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the groups."""
    asked = asked_of(request.GET, table=GROUPS)
    with acting_in(visit.org.id):
        lines = group_lines(selectors.groups(org=visit.org.id), org=visit.org.id, rank=Rank(visit.access))
    if asked.csv:
        return csv_answer(GROUPS, sorted_rows(GROUPS, lines, asked=asked), name="ebbtide-groups")
    return render(request, "pages/groups.html", {"page": GroupsPage(groups=list_rows(GROUPS, lines, asked=asked))})


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def group_new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Make a group."""
    org, rank = visit.org.id, Rank(visit.access)
    with acting_in(org):
        known = list(selectors.members(org=org).order_by("user__email"))
    form = GroupForm(request.POST if request.method == POST else None, members=[one.id for one in known])
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.create_group(
                org,
                name=given["name"],
                permissions=given["permissions"],
                members=given["members"],
                actor=visit.user.email,
                rank=rank,
            )
        except (InputInvalid, Refused) as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            messages.success(request, _("The group %(name)s was created.") % {"name": given["name"].strip()})
            return redirect("groups", org=org)
    return _page(request, form, group=None, members=known, chosen=_ticked(request), rank=rank)


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def group(request: HttpRequest, visit: Visit, grp: str) -> HttpResponse:
    """Change a group: its name, what it allows, who is in it."""
    org, rank = visit.org.id, Rank(visit.access)
    with acting_in(org):
        row = selectors.find_group(grp, org=org)
        known = list(selectors.members(org=org).order_by("user__email"))
        inside = selectors.members_of(row.id, org=org)
        (line,) = group_lines([row], org=org, rank=rank)
    if request.method != POST:
        form = GroupForm(initial={"name": row.name}, members=[])
        chosen = {public_id("mem", number) for number in inside} | set(row.permissions)
        return _page(request, form, group=line, members=known, chosen=chosen, rank=rank)
    form = GroupForm(request.POST, members=[one.id for one in known])
    if form.is_valid():
        error = _saved(visit, grp, form, rank=rank)
        if not error:
            messages.success(request, _("The group was changed. It counts from its members' next click."))
            return redirect("groups", org=org)
    return _page(request, form, group=line, members=known, chosen=_ticked(request), rank=rank)


def _saved(visit: Visit, grp: str, form: GroupForm, *, rank: Rank) -> bool:
    """Save; True where something speaks against it, which then stands in the form."""
    given = form.cleaned_data
    try:
        services.change_group(
            visit.org.id,
            group_id=grp,
            name=given["name"],
            permissions=given["permissions"],
            members=given["members"],
            actor=visit.user.email,
            rank=rank,
        )
    except (InputInvalid, Refused) as exc:
        form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        return True
    return False


def _ticked(request: HttpRequest) -> set[str]:
    return set(request.POST.getlist("members")) | set(request.POST.getlist("permissions"))


def _page(
    request: HttpRequest,
    form: GroupForm,
    *,
    group: GroupLine | None,
    members: Iterable[Membership],
    chosen: set[str],
    rank: Rank,
) -> HttpResponse:
    page = GroupPage(
        group=group,
        permissions=tuple(
            Choice(
                value=one.value,
                label=str(NAMES[one]),
                help=str(MEANINGS[one]),
                chosen=one.value in chosen,
                open=rank.may_give([one]),
            )
            for one in Permission
        ),
        members=tuple(_member(one, chosen=chosen) for one in members),
        mine=group is None or group.mine,
    )
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/group.html", {"form": form, "page": page}, status=status)


def _member(one: Membership, *, chosen: set[str]) -> Choice:
    value = public_id("mem", one.id)
    note = _("admin: may do everything anyway") if one.is_admin else ""
    return Choice(
        value=value,
        label=one.user.name or one.user.email,
        help=" · ".join(part for part in (one.user.email if one.user.name else "", note) if part),
        chosen=value in chosen,
    )


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def group_delete(request: HttpRequest, visit: Visit, grp: str) -> HttpResponse:
    """Ask, then delete a group."""
    org, rank = visit.org.id, Rank(visit.access)
    if request.method == POST:
        name = services.delete_group(org, group_id=grp, actor=visit.user.email, rank=rank)
        messages.success(request, _("The group %(name)s was deleted.") % {"name": name})
        return redirect("groups", org=org)
    with acting_in(org):
        row: Group = selectors.find_group(grp, org=org)
        page = PartingPage(id=row.id, name=row.name, members=len(selectors.members_of(row.id, org=org)))
    return render(request, "pages/group_delete.html", {"page": page})
