"""What the pages of accounts are given: the entrance, one's own account, and an organization's people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ebbtide.web.listing import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationPage:
    """An invitation, as whoever has its link sees it.

    Attributes:
        org: the organization's name.
        email: whom it asks.
        invited_by: who invited them.
        is_admin: whether they will be an admin.
        asks: for a new account (`password`), to sign in (`sign-in`), to join (`join`), or to sign out first (`other`).
        path: its own address, to come back to.
    """

    org: str
    email: str
    invited_by: str
    is_admin: bool
    asks: Literal["password", "sign-in", "join", "other"]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One's own account.

    Attributes:
        email: one's name at sign-in.
        second_factor: whether there is one.
        since: aware instant the account was made.
        last_sign_in: aware instant.
        now: the request's aware instant.
    """

    email: str
    second_factor: bool
    since: datetime
    last_sign_in: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """Where one is signed in.

    Attributes:
        id: its number.
        since: aware instant of signing in.
        address: network address it came from.
        browser: as people know it.
        user_agent: as it said itself.
        current: whether it is the one that looks.
    """

    id: int
    since: datetime
    address: str
    browser: str
    user_agent: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsPage:
    """All of one's sessions, this one first."""

    sessions: tuple[SessionLine, ...]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyLine:
    """A passkey.

    Attributes:
        id: its number.
        name: as its owner named it.
        added, used: aware instants; `used` None where it never was.
    """

    id: int
    name: str
    added: datetime
    used: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsPage:
    """What one signs in with.

    Attributes:
        app_since, app_used: aware instants of the authenticator app; None where there is none, or it was never used.
        passkeys: the oldest first.
        codes_left: recovery codes not used yet; None where there are none at all.
        demanded: whether the platform insists on a second factor of this person.
        onward: the page that was closed for want of one; empty where none was, or still is.
        now: the request's aware instant.
    """

    app_since: datetime | None
    app_used: datetime | None
    passkeys: tuple[PasskeyLine, ...]
    codes_left: int | None
    demanded: bool
    onward: str
    now: datetime

    @property
    def on(self) -> bool:
        """Whether there is a second factor."""
        return self.app_since is not None or bool(self.passkeys)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A user group in a line.

    Attributes:
        id: its number.
        name: of the group.
        allows: its permissions, as people read them.
        members: how many.
        mine: whether the person who looks may change it.
    """

    id: int
    name: str
    allows: tuple[str, ...] = ()
    members: int = 0
    mine: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """A member in a line.

    Attributes:
        id: number of the membership.
        name: may be empty.
        email: one's name at sign-in.
        is_admin: whether they may do everything there.
        groups: names of their groups.
        second_factor: whether they have one.
        last_sign_in: aware instant; None where they never did.
        me: whether it is the person who looks.
        mine: whether the person who looks may change them.
    """

    id: int
    name: str
    email: str
    is_admin: bool
    groups: tuple[str, ...]
    second_factor: bool
    last_sign_in: datetime | None
    me: bool = False
    mine: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLine:
    """An invitation that is open.

    Attributes:
        id: its number.
        email: whom it asks.
        is_admin: whether they will be an admin.
        groups: names of the groups they will be in.
        invited_by: who invited them.
        sent_at, expires_at: aware instants.
        expired: whether its link is good for nothing any more.
        mine: whether the person who looks may send it again or take it back.
    """

    id: int
    email: str
    is_admin: bool
    groups: tuple[str, ...]
    invited_by: str
    sent_at: datetime
    expires_at: datetime
    expired: bool
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A change of people, in words.

    Attributes:
        at: aware instant.
        actor: who did it.
        said: what was done, to whom.
    """

    at: datetime
    actor: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """An organization's people: members, open invitations, and what was changed."""

    members: Listing[PersonLine]
    invitations: Listing[InvitationLine]
    changes: Listing[ChangeLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Something to tick.

    Attributes:
        value: what is sent.
        label: as people read it.
        help: what it means.
        chosen: whether it is ticked.
        open: whether the person who looks may change it.
    """

    value: str
    label: str
    help: str = ""
    chosen: bool = False
    open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """A member, to be changed.

    Attributes:
        person: as in the table.
        groups: to tick.
        may_turn_admin: whether the person who looks may make and unmake admins.
        last_admin: whether they are the only admin there is.
        error: why it was not saved; empty where it was not tried.
    """

    person: PersonLine
    groups: tuple[Choice, ...]
    may_turn_admin: bool
    last_admin: bool
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitePage:
    """An invitation, to be written.

    Attributes:
        groups: to tick.
        may_turn_admin: whether the person who looks may invite admins.
    """

    groups: tuple[Choice, ...]
    may_turn_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsPage:
    """An organization's user groups."""

    groups: Listing[GroupLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """A user group, to be made or changed.

    Attributes:
        group: as in the table; None while it is being made.
        permissions: to tick.
        members: to tick.
        mine: whether the person who looks may change it.
    """

    group: GroupLine | None
    permissions: tuple[Choice, ...]
    members: tuple[Choice, ...]
    mine: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PartingPage:
    """Somebody to be removed, or a group to be deleted: what is asked before.

    Attributes:
        id: number of the membership or group.
        name: whom or what.
        members: how many people lose what the group gives; 0 for a person.
    """

    id: int
    name: str
    members: int = 0
