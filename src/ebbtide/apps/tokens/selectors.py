"""What there is to see of tokens. Every function expects an open transaction in the organization."""

from datetime import datetime

from ebbtide.apps.tokens.models import Token, TokenUse
from ebbtide.domain.identity import not_found, parse_id


def tokens(*, org: int) -> list[tuple[Token, datetime | None, int]]:
    """Give an organization's tokens, ended ones too, the newest first; each with its last use and its requests."""
    uses = {use.token_id: use for use in TokenUse.objects.filter(org_id=org)}
    found: list[tuple[Token, datetime | None, int]] = []
    for row in Token.objects.filter(org_id=org).order_by("-id"):
        use = uses.get(row.id)
        found.append((row, None if use is None else use.used_at, 0 if use is None else use.requests))
    return found


def find_token(text: str, *, org: int) -> Token:
    """Find a token by public id, whether it is live or has ended.

    Raises:
        NotYours: there is none of this organization.
    """
    found = Token.objects.filter(org_id=org, id=parse_id("tok", text)).first()
    if found is None:
        raise not_found("tok", text)
    return found
