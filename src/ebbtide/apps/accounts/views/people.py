"""An organization's people: members, invitations, and what was changed."""

from collections.abc import Iterable, Iterator, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import members, selectors, services
from ebbtide.apps.accounts.models import PeopleChange
from ebbtide.apps.accounts.people_forms import InviteForm, MemberForm
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.services import Sent
from ebbtide.apps.accounts.tables import (
    CHANGES,
    INVITATIONS,
    MEMBERS,
    change_lines,
    invitation_lines,
    person_lines,
)
from ebbtide.apps.accounts.words import permission_names
from ebbtide.apps.orgs.access import GET, POST, Visit, organization_page
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Group, Membership, Permission
from ebbtide.domain.errors import InputInvalid, Refused
from ebbtide.domain.identity import public_id
from ebbtide.web.context.accounts import (
    ChangeLine,
    Choice,
    InvitePage,
    PartingPage,
    PeoplePage,
    PersonLine,
    PersonPage,
)
from ebbtide.web.listing import Asked, asked_of, csv_answer, every_row, list_query, list_rows, sorted_rows

_UNACCEPTABLE = 422


@organization_page(Permission.USERS_MANAGE)
def people(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show members, open invitations and the history; each as CSV too."""
    org, rank = visit.org.id, Rank(visit.access)
    listed = asked_of(request.GET, table=MEMBERS)
    invitations = asked_of(request.GET, table=INVITATIONS)
    changes = asked_of(request.GET, table=CHANGES)
    if listed.csv:
        return csv_answer(MEMBERS, _all_members(visit, listed), name="ebbtide-members")
    if changes.csv:
        return csv_answer(CHANGES, _all_changes(org, changes), name="ebbtide-people-history")
    with acting_in(org):
        asked = invitation_lines(selectors.open_invitations(org=org), org=org, now=visit.now, rank=rank)
        if invitations.csv:
            rows = sorted_rows(INVITATIONS, asked, asked=invitations)
            return csv_answer(INVITATIONS, rows, name="ebbtide-invitations")
        page = PeoplePage(
            members=list_query(MEMBERS, selectors.members(org=org), asked=listed, lines=_lines(visit)),
            invitations=list_rows(INVITATIONS, asked, asked=invitations),
            changes=list_query(CHANGES, selectors.changes(org=org), asked=changes, lines=change_lines),
        )
    return render(request, "pages/people.html", {"page": page})


class _Lines:
    """Turns memberships into lines, as the person who looks may see and change them."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def __call__(self, rows: Sequence[Membership]) -> list[PersonLine]:
        """Give the lines of some members."""
        visit = self._visit
        return person_lines(rows, org=visit.org.id, me=visit.user, rank=Rank(visit.access))


def _lines(visit: Visit) -> _Lines:
    return _Lines(visit)


def _all_members(visit: Visit, asked: Asked) -> Iterator[PersonLine]:
    with acting_in(visit.org.id):
        yield from every_row(MEMBERS, selectors.members(org=visit.org.id), asked=asked, lines=_lines(visit))


def _all_changes(org: int, asked: Asked) -> Iterator[ChangeLine]:
    def lines(rows: Sequence[PeopleChange]) -> list[ChangeLine]:
        return change_lines(rows)

    with acting_in(org):
        yield from every_row(CHANGES, selectors.changes(org=org), asked=asked, lines=lines)


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def invite(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask somebody by e-mail to join."""
    org, rank = visit.org.id, Rank(visit.access)
    with acting_in(org):
        known = selectors.groups(org=org)
    form = InviteForm(request.POST if request.method == POST else None, groups=[group.id for group in known])
    if form.is_valid():
        given = form.cleaned_data
        try:
            sent = services.invite(
                org,
                email=given["email"],
                is_admin=given["is_admin"],
                groups=given["groups"],
                actor=visit.user.email,
                now=visit.now,
                base_url=request.build_absolute_uri("/"),
                rank=rank,
            )
        except (InputInvalid, Refused) as exc:
            form.add_error(exc.field if exc.field in form.fields else None, exc.message)
        else:
            _tell(request, sent)
            return redirect("people", org=org)
    chosen = {public_id("grp", number) for number in form.cleaned_data.get("groups", [])} if form.is_bound else set()
    page = InvitePage(groups=group_choices(known, chosen=chosen, rank=rank), may_turn_admin=rank.is_full)
    status = _UNACCEPTABLE if form.errors else 200
    return render(request, "pages/person_invite.html", {"form": form, "page": page}, status=status)


def _tell(request: HttpRequest, sent: Sent) -> None:
    if sent.delivered:
        messages.success(request, _("An invitation was sent to %(email)s.") % {"email": sent.email})
    else:
        messages.error(
            request,
            _("The invitation of %(email)s stands, but its e-mail could not be sent. Try again later with Send again.")
            % {"email": sent.email},
        )


def group_choices(groups: Iterable[Group], *, chosen: set[str], rank: Rank) -> tuple[Choice, ...]:
    """Give groups to tick, with what each allows; those beyond one's own permissions are closed."""
    return tuple(
        Choice(
            value=public_id("grp", group.id),
            label=group.name,
            help=", ".join(permission_names(selectors.permissions_of(group))) or _("no permission"),
            chosen=public_id("grp", group.id) in chosen,
            open=rank.may_touch(group),
        )
        for group in groups
    )


@organization_page(Permission.USERS_MANAGE, methods=(POST,))
def invitation_resend(request: HttpRequest, visit: Visit, inv: str) -> HttpResponse:
    """Send an invitation again, with a new link."""
    sent = services.resend(
        visit.org.id,
        invitation_id=inv,
        actor=visit.user.email,
        now=visit.now,
        base_url=request.build_absolute_uri("/"),
        rank=Rank(visit.access),
    )
    _tell(request, sent)
    return redirect("people", org=visit.org.id)


@organization_page(Permission.USERS_MANAGE, methods=(POST,))
def invitation_revoke(request: HttpRequest, visit: Visit, inv: str) -> HttpResponse:
    """Take an invitation back."""
    email = services.revoke(
        visit.org.id, invitation_id=inv, actor=visit.user.email, now=visit.now, rank=Rank(visit.access)
    )
    messages.success(request, _("The invitation of %(email)s was taken back: its link is dead.") % {"email": email})
    return redirect("people", org=visit.org.id)


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def person(request: HttpRequest, visit: Visit, mem: str) -> HttpResponse:
    """Show a member, and change what they may do."""
    org, rank = visit.org.id, Rank(visit.access)
    with acting_in(org):
        member = selectors.find_member(mem, org=org)
        known = selectors.groups(org=org)
        inside = selectors.groups_of([member.id], org=org)[member.id]
        (line,) = _lines(visit)([member])
        last = (
            member.is_admin and not Membership.objects.filter(org_id=org, is_admin=True).exclude(id=member.id).exists()
        )
    chosen = {public_id("grp", group.id) for group in inside}
    error = ""
    if request.method == POST:
        open_to = [group.id for group in known if rank.may_touch(group)]
        form = MemberForm(request.POST, groups=open_to)
        is_admin = member.is_admin
        if form.is_valid():
            is_admin = form.cleaned_data["is_admin"] if rank.is_full and not last else member.is_admin
            error = _saved(visit, mem, is_admin=is_admin, groups=form.cleaned_data["groups"], rank=rank)
        else:
            error = " ".join(str(said) for one in form.errors.values() for said in one)
        if not error:
            messages.success(request, _("What %(email)s may do was changed.") % {"email": member.user.email})
            return redirect("people", org=org)
        chosen = set(request.POST.getlist("groups"))
    page = PersonPage(
        person=line,
        groups=group_choices(known, chosen=chosen, rank=rank),
        may_turn_admin=rank.is_full,
        last_admin=last,
        error=error,
    )
    return render(request, "pages/person.html", {"page": page}, status=_UNACCEPTABLE if error else 200)


def _saved(visit: Visit, mem: str, *, is_admin: bool, groups: list[int], rank: Rank) -> str:
    """Save; gives what speaks against it, empty where nothing does."""
    try:
        members.change_member(
            visit.org.id, member_id=mem, is_admin=is_admin, groups=groups, actor=visit.user.email, rank=rank
        )
    except (InputInvalid, Refused) as exc:
        return exc.message
    return ""


@organization_page(Permission.USERS_MANAGE, methods=(GET, POST))
def person_remove(request: HttpRequest, visit: Visit, mem: str) -> HttpResponse:
    """Ask, then take a membership away."""
    org = visit.org.id
    if request.method == POST:
        email = members.remove_member(org, member_id=mem, actor=visit.user.email, rank=Rank(visit.access))
        if email == visit.user.email:
            messages.success(request, _("You are no member of %(org)s any more.") % {"org": visit.org.name})
            return redirect("start")
        messages.success(request, _("%(email)s was removed.") % {"email": email})
        return redirect("people", org=org)
    with acting_in(org):
        member = selectors.find_member(mem, org=org)
    page = PartingPage(id=member.id, name=member.user.email)
    return render(request, "pages/person_remove.html", {"page": page})
