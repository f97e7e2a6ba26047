"""Made-up but believable data for the pages of accounts: a template name and its context, by the name of the case."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from ebbtide.apps.accounts.access_table import ACCESSES, DEEDS
from ebbtide.apps.accounts.tables import CHANGES, GROUPS, INVITATIONS, MEMBERS
from ebbtide.domain.cell import DataType
from ebbtide.web.context.access_log import AccessFilter, AccessLine, AccessLogPage
from ebbtide.web.context.accounts import (
    AccountPage,
    ChangeLine,
    Choice,
    FactorsPage,
    GroupLine,
    GroupPage,
    GroupsPage,
    InvitationLine,
    InvitationPage,
    InvitePage,
    PartingPage,
    PasskeyLine,
    PeoplePage,
    PersonLine,
    PersonPage,
    SessionLine,
    SessionsPage,
)
from ebbtide.web.context.shared import Frame
from ebbtide.web.listing import Table, asked_of, list_rows

LONG = "Aurelia Montgomery-Featherstonehaugh"
OPTIONS = '{"publicKey": {"challenge": "AAAA"}}'


class EntranceForm(forms.Form):
    """All the fields that entrances ask for."""

    username = forms.CharField(label="E-mail")
    email = forms.EmailField(label="E-mail")
    name = forms.CharField(label="Name")
    password = forms.CharField(label="Password", help_text="At least 12 characters.")
    again = forms.CharField(label="Password, once more")
    oldpassword = forms.CharField(label="Current password")
    password1 = forms.CharField(label="New password")
    password2 = forms.CharField(label="New password, once more")
    code = forms.CharField(label="Code")
    credential = forms.CharField(required=False)
    is_admin = forms.BooleanField(required=False)
    groups = forms.CharField(required=False)
    permissions = forms.CharField(required=False)
    members = forms.CharField(required=False)


def wrong_form() -> EntranceForm:
    form = EntranceForm(data={"username": "alice@example.org", "name": "Alice"})
    form.add_error(None, "Please enter a correct e-mail address and password. Capitals matter in the password.")
    return form


def listed(table: Table[Any], rows: list[Any], query: str = "") -> Any:
    return list_rows(table, rows, asked=asked_of(QueryDict(query), table=table))


def account_samples(*, now: datetime, frame: Frame) -> dict[str, tuple[str, dict[str, Any]]]:
    """Give every case: name -> (template, context)."""
    form, wrong = EntranceForm(), wrong_form()
    entrance = {"form": form, "next": "", "sso_url": "", "sso_name": ""}
    asked = InvitationPage(
        org="Harbour",
        email="nora@example.org",
        invited_by="alice@example.org",
        is_admin=False,
        asks="password",
        path="/i/",
    )
    session = SessionLine(
        id=1,
        since=now - timedelta(hours=2),
        address="2001:db8::1",
        browser="Firefox on Linux",
        user_agent="Mozilla",
        current=True,
    )
    none = FactorsPage(app_since=None, app_used=None, passkeys=(), codes_left=None, demanded=True, onward="", now=now)
    key = PasskeyLine(id=3, name="My phone", added=now - timedelta(days=40), used=now - timedelta(minutes=4))
    full = replace(
        none,
        app_since=now - timedelta(days=90),
        passkeys=(key, replace(key, id=4, name="Key in the safe", used=None)),
        codes_left=1,
        demanded=False,
        onward="/platform/",
    )
    alice = PersonLine(
        id=1, name="Alice Moreau", email="alice@example.org", is_admin=True, groups=(), second_factor=True,
        last_sign_in=now, me=True,
    )  # fmt: skip
    aurelia = PersonLine(
        id=2, name=LONG, email="aurelia.montgomery-featherstonehaugh@example.org", is_admin=False,
        groups=("Analysts & QA", "Team leads of all sites and their deputies"), second_factor=False, last_sign_in=None,
    )  # fmt: skip
    bob = replace(aurelia, id=3, name="", email="bob@example.org", groups=())
    invitation = InvitationLine(
        id=1, email="nora@example.org", is_admin=False, groups=("Analysts & QA",), invited_by="alice@example.org",
        sent_at=now - timedelta(days=2), expires_at=now + timedelta(days=5), expired=False, mine=True,
    )  # fmt: skip
    expired = replace(invitation, id=2, is_admin=True, groups=(), expired=True, mine=False)
    change = ChangeLine(at=now - timedelta(days=1), actor="operator root", said="Invited nora@example.org as admin")
    people = PeoplePage(
        members=listed(MEMBERS, [alice, aurelia, bob]),
        invitations=listed(INVITATIONS, [invitation, expired]),
        changes=listed(CHANGES, [change]),
    )
    empty = PeoplePage(
        members=listed(MEMBERS, [alice]), invitations=listed(INVITATIONS, []), changes=listed(CHANGES, [])
    )
    unfound = PeoplePage(
        members=listed(MEMBERS, [], "members.find=x"),
        invitations=listed(INVITATIONS, [], "invitations.find=x"),
        changes=listed(CHANGES, [], "changes.find=x"),
    )
    group = GroupLine(id=1, name="Analysts & QA", allows=("Insights: view", "Recordings: listen"), members=1_204)
    ticks = (
        Choice(value="grp_1", label="Analysts & QA", help="Insights: view", chosen=True),
        Choice(value="grp_2", label="Data protection", help="Data Management: manage", open=False),
    )
    person = PersonPage(person=aurelia, groups=ticks, may_turn_admin=True, last_admin=False)
    one_group = GroupPage(group=group, permissions=ticks, members=ticks)
    inside = {"frame": frame}
    return {
        "login": ("account/login.html", entrance),
        "login-sso": ("account/login.html", {**entrance, "next": "/o/", "sso_url": "/sso/", "sso_name": "Harbour ID"}),
        "login-failed": ("account/login.html", {**entrance, "form": wrong}),
        "locked-out": ("account/locked_out.html", {}),
        "too-many": ("429.html", {}),
        "forgotten": ("account/password_reset.html", {"form": form}),
        "forgotten-sent": ("account/password_reset_done.html", {}),
        "new-password": (
            "account/password_reset_from_key.html",
            {"form": form, "action_url": "/p/", "token_fail": False},
        ),
        "new-password-dead": ("account/password_reset_from_key.html", {"token_fail": True}),
        "second-step": ("mfa/authenticate.html", {"form": form, "options": OPTIONS}),
        "second-step-app": ("mfa/authenticate.html", {"form": wrong, "options": ""}),
        "passkey-sign-in": ("mfa/webauthn/login.html", {"options": OPTIONS, "next": "/o/"}),
        "confirm": ("account/reauthenticate.html", {"form": form, "redirect_field": ""}),
        "confirm-code": (
            "mfa/reauthenticate.html",
            {"form": form, "redirect_field": "", "reauthentication_alternatives": [{"url": "/c/"}]},
        ),
        "confirm-passkey": (
            "mfa/webauthn/reauthenticate.html",
            {"options": OPTIONS, "redirect_field_value": "/x/", "reauthentication_alternatives": [{"url": "/c/"}]},
        ),
        "set-up": ("pages/set_up.html", {"form": form}),
        "invitation": ("pages/invitation.html", {"form": form, "page": asked}),
        "invitation-sign-in": ("pages/invitation.html", {"page": replace(asked, asks="sign-in", is_admin=True)}),
        "invitation-join": ("pages/invitation.html", {"page": replace(asked, asks="join")}),
        "invitation-other": ("pages/invitation.html", {"page": replace(asked, asks="other")}),
        "account": (
            "pages/account.html",
            {
                "form": form,
                "page": AccountPage(email="a@example.org", second_factor=False, since=now, last_sign_in=None, now=now),
            },
        ),
        "account-password": ("account/password_change.html", {"form": wrong}),
        "sessions": (
            "pages/sessions.html",
            {"page": SessionsPage(sessions=(session, replace(session, id=2, current=False)), now=now)},
        ),
        "factors-none": ("pages/second_factor.html", {"page": none}),
        "factors": ("pages/second_factor.html", {"page": full}),
        "app": (
            "mfa/totp/activate_form.html",
            {"form": form, "totp_svg_data_uri": "data:image/svg+xml;base64,AAAA", "secret": "OR6S LETK"},
        ),
        "app-remove": ("mfa/totp/deactivate_form.html", {"form": form}),
        "codes": ("mfa/recovery_codes/index.html", {"unused_codes": ["12345678"] * 10, "can_view_codes": True}),
        "codes-seen": ("mfa/recovery_codes/index.html", {"unused_codes": ["****"] * 9, "can_view_codes": False}),
        "codes-new": ("mfa/recovery_codes/generate.html", {"form": form, "unused_code_count": 9}),
        "passkey-add": ("mfa/webauthn/add_form.html", {"form": form, "options": OPTIONS}),
        "passkey-rename": ("mfa/webauthn/edit_form.html", {"form": form}),
        "passkey-remove": ("mfa/webauthn/authenticator_confirm_delete.html", {"name": "My <phone>"}),
        "people": ("pages/people.html", {**inside, "page": people}),
        "people-empty": ("pages/people.html", {**inside, "page": empty}),
        "people-unfound": ("pages/people.html", {**inside, "page": unfound}),
        "person-invite": (
            "pages/person_invite.html",
            {**inside, "form": form, "page": InvitePage(groups=ticks, may_turn_admin=True)},
        ),
        "person-invite-first": (
            "pages/person_invite.html",
            {**inside, "form": wrong, "page": InvitePage(groups=(), may_turn_admin=False)},
        ),
        "person": ("pages/person.html", {**inside, "page": person}),
        "person-last-admin": (
            "pages/person.html",
            {
                **inside,
                "page": replace(person, person=alice, groups=(), last_admin=True, error="The last admin stays."),
            },
        ),
        "person-closed": ("pages/person.html", {**inside, "page": replace(person, person=replace(alice, mine=False))}),
        "person-remove": ("pages/person_remove.html", {**inside, "page": PartingPage(id=2, name=LONG)}),
        **access_samples(now=now, inside=inside),
        "groups": (
            "pages/groups.html",
            {**inside, "page": GroupsPage(groups=listed(GROUPS, [group, replace(group, id=2, allows=())]))},
        ),
        "groups-empty": ("pages/groups.html", {**inside, "page": GroupsPage(groups=listed(GROUPS, []))}),
        "groups-unfound": (
            "pages/groups.html",
            {**inside, "page": GroupsPage(groups=listed(GROUPS, [], "groups.find=x"))},
        ),
        "group": ("pages/group.html", {**inside, "form": form, "page": one_group}),
        "group-new": ("pages/group.html", {**inside, "form": wrong, "page": replace(one_group, group=None)}),
        "group-closed": ("pages/group.html", {**inside, "form": form, "page": replace(one_group, mine=False)}),
        "group-delete": ("pages/group_delete.html", {**inside, "page": PartingPage(id=1, name="Analysts", members=3)}),
        "group-delete-empty": ("pages/group_delete.html", {**inside, "page": PartingPage(id=1, name="Analysts")}),
    }


def access_samples(*, now: datetime, inside: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The access log: with lines of every kind, empty, and with nothing that fits."""
    listen = AccessLine(
        at=now - timedelta(hours=1),
        actor="alice@example.org",
        by_token=False,
        deed="listen",
        said="Played",
        data_type=DataType.AUDIO,
        segment=UUID(int=0xABC),
    )
    took = replace(
        listen, by_token=True, actor=LONG, deed="export", said="Exported", segment=None, what="exp_12", items=12_345
    )
    deeds = tuple((str(deed), str(words)) for deed, words in DEEDS.items())

    def page(rows: list[AccessLine], query: str = "", **narrowed: Any) -> tuple[str, dict[str, Any]]:
        shown = AccessLogPage(lines=listed(ACCESSES, rows, query), filter=AccessFilter(**narrowed), deeds=deeds)
        return "pages/access_log.html", {**inside, "page": shown}

    return {
        "access-log": page([listen, took]),
        "access-log-empty": page([]),
        "access-log-unfound": page([], "accesses.find=x"),
        "access-log-narrowed": page([], deed="read", since=now.date()),
    }
