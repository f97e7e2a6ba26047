"""How a token is written: `ebbtide_read_7_…`, with its kind, its organization and a check sum.

The organization stands in it because rows are only visible in one (row-level security), and nothing may look across to
find out whose a token is. The check sum refuses what is mistyped, cut off or made up before the database is asked, and
the words in front let scanners of repositories find tokens that were committed.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum

_ALPHABET = string.digits + string.ascii_letters
_LENGTH = 43
"""Characters of 62 kinds: 256 random bits."""
_HINT = 6
_FORM = re.compile(rf"(ebbtide_(read|feed)_([1-9][0-9]{{0,8}})_([0-9A-Za-z]{{{_LENGTH}}}))([0-9a-f]{{8}})")


class TokenKind(StrEnum):
    """What a token is for."""

    READ = "read"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Written:
    """A token as it is written.

    Attributes:
        text: the whole of it.
        kind: what it is for.
        org: number of its organization.
        hint: how its secret begins.
    """

    text: str
    kind: TokenKind
    org: int
    hint: str


def new_secret(kind: TokenKind, *, org: int) -> Written:
    """Make a token."""
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    body = f"ebbtide_{kind}_{org}_{secret}"
    return Written(f"{body}{_check_sum(body)}", kind, org, secret[:_HINT])


def read_secret(text: str) -> Written | None:
    """Read a token; None for what cannot be one."""
    match = _FORM.fullmatch(text)
    if match is None or _check_sum(match[1]) != match[5]:
        return None
    return Written(text, TokenKind(match[2]), int(match[3]), match[4][:_HINT])


def _check_sum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
