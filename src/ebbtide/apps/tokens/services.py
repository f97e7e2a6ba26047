"""What may be done to tokens: they are made, and revoked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ebbtide.apps.accounts import history
from ebbtide.apps.accounts.history import record
from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.tokens import digest
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.services import clean_name
from ebbtide.apps.tokens.models import Token
from ebbtide.apps.tokens.scopes import Scope, may_make
from ebbtide.apps.tokens.secret import TokenKind, new_secret
from ebbtide.apps.tokens.selectors import find_token
from ebbtide.domain.errors import InputInvalid, Refused, Taken

MOST_DAYS = 730
MOST_LIVE = 100
"""Live tokens of one organization: more are a program that makes them, and nobody could say what each is for."""


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token that was just made: `secret` is told now and never again."""

    row: Token
    secret: str


def make_token(
    org_id: int,
    *,
    name: str,
    kind: TokenKind,
    scopes: Collection[Scope],
    days: int,
    actor: str,
    now: datetime,
    rank: Rank,
) -> MadeToken:
    """Make a token.

    Args:
        org_id: the organization.
        name: what people know it by; unique among the live ones.
        kind: what it is for.
        scopes: what it may read; none for a feed.
        days: how long it is good, 1 to 730.
        actor: who makes it.
        now: aware instant.
        rank: what they may do there.

    Raises:
        InputInvalid: the name is unusable or taken, the days are too many, or there is nothing it could do.
        Refused: it would give more than its maker has, or there are too many.
    """
    name = clean_name(name, field="name", what="token")
    if not 1 <= days <= MOST_DAYS:
        raise InputInvalid(_("A token is good for 1 to %(most)s days.") % {"most": MOST_DAYS}, field="days")
    if kind is TokenKind.READ and not scopes:
        raise InputInvalid(_("Tick at least one thing that it may read."), field="scopes")
    if kind is TokenKind.FEED and scopes:
        raise InputInvalid(_("A feed's token reads nothing: tick nothing."), field="scopes")
    if not may_make(kind, scopes, rank=rank):
        raise Refused(
            _("Only an admin makes a token that brings data in.")
            if kind is TokenKind.FEED
            else _("You can only hand out what you may open yourself."),
            field="kind" if kind is TokenKind.FEED else "scopes",
        )
    written = new_secret(kind, org=org_id)
    try:
        with transaction.atomic(using=WEB), acting_in(org_id):
            live = Token.objects.filter(org_id=org_id, revoked_at=None, expires_at__gt=now)
            if live.count() >= MOST_LIVE:
                raise Refused(
                    _("There are %(most)s live tokens: revoke one that is not used.") % {"most": MOST_LIVE},
                    field="name",
                )
            row = Token.objects.create(
                org_id=org_id,
                name=name,
                kind=kind,
                scopes=sorted(scopes),
                digest=digest(written.text),
                hint=written.hint,
                made_by=actor,
                made_at=now,
                expires_at=now + timedelta(days=days),
            )
            record(
                org_id,
                action=history.TOKEN_MADE,
                subject=name,
                actor=actor,
                scopes=sorted(scopes) or ["feed"],
                until=row.expires_at.date().isoformat(),
            )
    except IntegrityError as exc:
        raise InputInvalid(
            _("There is a token named %(name)s that is not revoked.") % {"name": name}, field="name"
        ) from exc
    return MadeToken(row, written.text)


def revoke_token(org_id: int, *, token_id: str, actor: str, now: datetime) -> str:
    """End a token; the next request with it is refused. Gives its name.

    Whoever may see tokens may revoke any: taking away is never more than was given.

    Raises:
        NotYours: there is no such token.
        Taken: it was revoked before.
    """
    with acting_in(org_id):
        row = find_token(token_id, org=org_id)
        ended = Token.objects.filter(org_id=org_id, id=row.id, revoked_at=None).update(revoked_at=now, revoked_by=actor)
        if not ended:
            raise Taken(_("%(name)s was revoked already.") % {"name": row.name})
        record(org_id, action=history.TOKEN_REVOKED, subject=row.name, actor=actor)
    return row.name
