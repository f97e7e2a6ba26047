"""The table of tokens: what its columns are, and its lines from what the database gives."""

from datetime import datetime

from django.utils.translation import gettext_lazy

from ebbtide.apps.tokens.models import Token
from ebbtide.apps.tokens.scopes import NAMES, Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.web.context.tokens import State, TokenLine
from ebbtide.web.listing import Column, Table

TOKENS: Table[TokenLine] = Table(
    name="tokens",
    columns=(
        Column(name="name", label=gettext_lazy("Token"), value=lambda row: row.name),
        Column(
            name="may",
            label=gettext_lazy("What it may do"),
            value=lambda row: "; ".join(row.scopes) if row.scopes else row.kind,
        ),
        Column(name="made", label=gettext_lazy("Made"), value=lambda row: row.made_at),
        Column(name="made_by", label=gettext_lazy("By"), value=lambda row: row.made_by),
        Column(name="used", label=gettext_lazy("Last used"), value=lambda row: row.used_at),
        Column(name="requests", label=gettext_lazy("Requests"), value=lambda row: row.requests, number=True),
        Column(name="until", label=gettext_lazy("Good until"), value=lambda row: row.revoked_at or row.expires_at),
        Column(name="state", label=gettext_lazy("State"), value=lambda row: row.state),
    ),
    sort="-made",
    text=lambda row: " ".join((row.name, row.made_by, row.hint, row.state, *row.scopes)),
    row_key=lambda row: row.id,
)


def token_line(row: Token, *, used_at: datetime | None, requests: int, now: datetime) -> TokenLine:
    """Give a token as a line."""
    state: State = "revoked" if row.revoked_at is not None else "expired" if row.expires_at <= now else "live"
    return TokenLine(
        id=row.id,
        name=row.name,
        kind="feed" if row.kind == TokenKind.FEED else "read",
        scopes=tuple(str(NAMES[scope]) for scope in Scope if scope in row.scopes),
        hint=row.hint,
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_at=used_at,
        requests=requests,
        state=state,
        revoked_by=row.revoked_by,
        revoked_at=row.revoked_at,
    )
