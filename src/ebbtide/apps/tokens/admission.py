"""Letting a program in: its token is looked up, and its allowance is spent, in one short transaction.

Every refusal of a token is the same one, whether it is malformed, unknown, another kind, expired or revoked: what was
wrong with it is for its owner to see on the page, not for whoever tries tokens. The allowance is one moment in a row
(a leaky bucket written as the moment at which it is empty again), so it is the same on every host, however many
processes there are, and costs one write.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from ebbtide.apps.accounts.tokens import digest
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.tokens.models import Token, TokenUse
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind, read_secret
from ebbtide.domain.errors import ScopeMissing, TokenRefused, TooFast
from ebbtide.domain.identity import public_id

WINDOW = timedelta(minutes=1)
_REFUSED = "The token is missing, wrong, expired or revoked: send a live one as `Authorization: Bearer TOKEN`."
_SPEND = """
    INSERT INTO tokens_tokenuse AS u (org_id, token_id, spent_until, used_at, requests)
    VALUES (%(org)s, %(token)s, %(now)s::timestamptz + %(gap)s * interval '1 s', %(now)s, 1)
    ON CONFLICT (org_id, token_id) DO UPDATE SET
        spent_until = greatest(u.spent_until, %(now)s) + %(gap)s * interval '1 s',
        used_at = greatest(u.used_at, %(now)s), requests = u.requests + 1
    WHERE greatest(u.spent_until, %(now)s) + %(gap)s * interval '1 s'
        <= %(now)s::timestamptz + %(window)s * interval '1 s'
    RETURNING spent_until
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a token's minute.

    Attributes:
        limit: requests a minute.
        remaining: requests that would be let in at once.
        reset_s: seconds until the whole limit is there again.
        retry_s: seconds to wait for the next one; 0 where it would be let in.
    """

    limit: int
    remaining: int
    reset_s: int
    retry_s: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers that tell a program."""
        told = {
            "RateLimit-Policy": f"{self.limit};w={int(WINDOW.total_seconds())}",
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }
        return told | ({"Retry-After": str(self.retry_s)} if self.retry_s else {})


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was let in.

    Attributes:
        org: its organization.
        token: its token's number.
        name: what people know the token by.
        scopes: what it may read.
        allowance: what is left of its minute.
    """

    org: Organization
    token: int
    name: str
    scopes: frozenset[Scope]
    allowance: Allowance

    @property
    def called(self) -> str:
        """How the access log calls it: names come again, ids do not."""
        return f"{self.name} ({public_id('tok', self.token)})"

    def needs(self, scope: Scope) -> None:
        """Refuse what its token is not for.

        Raises:
            ScopeMissing: it lacks the scope.
        """
        if scope not in self.scopes:
            raise ScopeMissing(f"This needs a token with the scope {scope}: make one on the page of tokens.")


def admit(header: str | None, *, kind: TokenKind, per_minute: int, now: datetime) -> Program:
    """Let a program in by its `Authorization` header.

    Args:
        header: `Bearer TOKEN`; None where there was none.
        kind: what the token has to be for.
        per_minute: requests a token may make in a minute.
        now: aware instant.

    Raises:
        TokenRefused: there is no live token of that kind in it.
        TooFast: its allowance is used up; `facts` carry the `allowance`.
    """
    scheme, _, text = (header or "").partition(" ")
    written = read_secret(text.strip()) if scheme.lower() == "bearer" else None
    if written is None or written.kind is not kind:
        raise TokenRefused(_REFUSED)
    with acting_in(written.org) as cursor:
        # leans on token_by_digest (org, digest)
        row = (
            Token.objects.filter(org_id=written.org, digest=digest(text.strip()), kind=kind, revoked_at=None)
            .select_related("org")
            .first()
        )
        if row is None or row.expires_at <= now:
            raise TokenRefused(_REFUSED)
        cursor.execute("SET LOCAL synchronous_commit = off")  # losing a second of counting costs nobody anything
        gap = WINDOW / per_minute
        seconds = {"gap": gap.total_seconds(), "window": WINDOW.total_seconds()}
        cursor.execute(_SPEND, {"org": row.org_id, "token": row.id, "now": now, **seconds})
        spent = cursor.fetchone()
        if spent is None:
            until = TokenUse.objects.get(org_id=row.org_id, token_id=row.id).spent_until
            allowance = _allowance(until, gap=gap, limit=per_minute, now=now)
            raise TooFast(
                f"This token may ask {per_minute:,} times a minute: wait {allowance.retry_s} s.", allowance=allowance
            )
    scopes = frozenset(Scope(one) for one in row.scopes if one in set(Scope))
    return Program(row.org, row.id, row.name, scopes, _allowance(spent[0], gap=gap, limit=per_minute, now=now))


def _allowance(spent_until: datetime, *, gap: timedelta, limit: int, now: datetime) -> Allowance:
    left = now + WINDOW - spent_until
    remaining = max(0, math.floor(left / gap))
    wait = 0 if remaining else max(1, math.ceil((gap - left).total_seconds()))
    return Allowance(limit, remaining, max(0, math.ceil((spent_until - now).total_seconds())), wait)
