"""Permissions and changes in the words people read."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts import history
from ebbtide.apps.accounts.models import PeopleChange
from ebbtide.apps.orgs.models import Permission

NAMES = {
    Permission.DATA_VIEW: gettext_lazy("Data Management: view"),
    Permission.DATA_MANAGE: gettext_lazy("Data Management: manage"),
    Permission.INSIGHTS_VIEW: gettext_lazy("Insights: view"),
    Permission.RECORDINGS_LISTEN: gettext_lazy("Recordings: listen"),
    Permission.RECORDINGS_DOWNLOAD: gettext_lazy("Recordings: download"),
    Permission.USERS_MANAGE: gettext_lazy("Users: manage"),
}
MEANINGS = {
    Permission.DATA_VIEW: gettext_lazy("See retention jobs, what tonight would delete, and the reports of all runs."),
    Permission.DATA_MANAGE: gettext_lazy(
        "Create, change and delete retention jobs, and confirm plans. This decides what is deleted. Includes view."
    ),
    Permission.INSIGHTS_VIEW: gettext_lazy("See the reports about Q interactions."),
    Permission.RECORDINGS_LISTEN: gettext_lazy("Play recordings and read transcripts in the browser."),
    Permission.RECORDINGS_DOWNLOAD: gettext_lazy(
        "Take recordings and transcripts away as files; such copies are out of reach of any job. Includes listen."
    ),
    Permission.USERS_MANAGE: gettext_lazy(
        "Invite people, put them into groups and remove them. Nobody can give more than they have themselves."
    ),
}


def permission_names(permissions: Iterable[Permission]) -> tuple[str, ...]:
    """Name permissions in their own order."""
    held = set(permissions)
    return tuple(str(NAMES[one]) for one in Permission if one in held)


def said(change: PeopleChange) -> str:
    """Say in a sentence what was done."""
    about: Mapping[str, Any] = change.detail
    named = {"who": change.subject}
    if change.action in {history.INVITED, history.JOINED, history.ADDED}:
        return _entry(change.action, named, about)
    if change.action == history.REGROUPED:
        return _("Changed the groups of %(who)s from %(before)s to %(after)s") % {
            **named,
            "before": _listed(about["before"]),
            "after": _listed(about["after"]),
        }
    if change.action == history.GROUP_MADE:
        return _("Created the group %(who)s (%(permissions)s; members: %(members)s)") % {
            **named,
            "permissions": _permissions(about["permissions"]),
            "members": _listed(about["members"]),
        }
    if change.action == history.GROUP_CHANGED:
        return _("Changed the group %(who)s: %(what)s") % {**named, "what": _differences(about)}
    if change.action == history.TOKEN_MADE:
        return _("Made the token %(who)s (%(scopes)s), good until %(until)s") % {
            **named,
            "scopes": _listed(about["scopes"]),
            "until": about["until"],
        }
    plain = {
        history.TOKEN_REVOKED: _("Revoked the token %(who)s"),
        history.SENT_AGAIN: _("Sent the invitation of %(who)s again"),
        history.REVOKED: _("Took back the invitation of %(who)s"),
        history.REMOVED: _("Removed %(who)s"),
        history.ADMIN_ON: _("Made %(who)s an admin"),
        history.ADMIN_OFF: _("%(who)s is no admin any more"),
        history.GROUP_DELETED: _("Deleted the group %(who)s"),
    }
    return plain.get(change.action, change.action + " %(who)s") % named


def _entry(action: str, named: Mapping[str, str], about: Mapping[str, Any]) -> str:
    role = _("as admin") if about.get("admin") else _("as member")
    if about.get("groups"):
        role = _("%(role)s, in %(groups)s") % {"role": role, "groups": _listed(about["groups"])}
    words = {
        history.INVITED: _("Invited %(who)s %(role)s"),
        history.JOINED: _("%(who)s joined %(role)s"),
        history.ADDED: _("Added %(who)s %(role)s"),
    }
    return words[action] % {**named, "role": role}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or _("none")


def _permissions(values: Iterable[str]) -> str:
    return _listed(permission_names(Permission(one) for one in values if one in set(Permission)))


def _differences(about: Mapping[str, Any]) -> str:
    before, after = about["before"], about["after"]
    parts = []
    if before["name"] != after["name"]:
        parts.append(_("now named %(name)s") % {"name": after["name"]})
    if before["permissions"] != after["permissions"]:
        parts.append(
            _("permissions from %(before)s to %(after)s")
            % {"before": _permissions(before["permissions"]), "after": _permissions(after["permissions"])}
        )
    came = [one for one in after["members"] if one not in before["members"]]
    went = [one for one in before["members"] if one not in after["members"]]
    if came:
        parts.append(_("added %(people)s") % {"people": _listed(came)})
    if went:
        parts.append(_("removed %(people)s") % {"people": _listed(went)})
    return "; ".join(parts)
