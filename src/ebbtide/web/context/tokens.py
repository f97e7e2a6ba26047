"""What the pages of tokens are given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ebbtide.web.context.accounts import Choice
from ebbtide.web.listing import Listing

State = Literal["live", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLine:
    """A token in a line.

    Attributes:
        id: its number.
        name: as its maker named it.
        kind: `read` or `feed`.
        scopes: what it may read, as people say it; empty for a feed.
        hint: how its secret begins.
        made_by: who made it.
        made_at, expires_at: aware instants.
        used_at: aware instant of its last request; None where there was none.
        requests: how many there were.
        state: whether it is live, has expired, or was revoked.
        revoked_by: who revoked it; empty where nobody did.
        revoked_at: aware instant of that.
    """

    id: int
    name: str
    kind: Literal["read", "feed"]
    scopes: tuple[str, ...]
    hint: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    requests: int
    state: State
    revoked_by: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPage:
    """An organization's tokens."""

    tokens: Listing[TokenLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenNewPage:
    """A token, to be made.

    Attributes:
        kinds: what it can be for, to choose one.
        scopes: what it may read, to tick.
        most_days: how long it may be good at most.
    """

    kinds: tuple[Choice, ...]
    scopes: tuple[Choice, ...]
    most_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMadePage:
    """A token that was just made, with its secret, which is shown this once.

    Attributes:
        token: as in the table.
        secret: the whole of it.
        example: a command to try it with.
    """

    token: TokenLine
    secret: str
    example: str
