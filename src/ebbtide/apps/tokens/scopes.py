"""What a token may be for, and what somebody has to hold to hand that out."""

from collections.abc import Iterable
from enum import StrEnum

from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.orgs.models import Permission
from ebbtide.apps.tokens.secret import TokenKind


class Scope(StrEnum):
    """What a reading token may read."""

    SEGMENTS = "segments"
    RECORDINGS = "recordings"
    TRANSCRIPTS = "transcripts"


NAMES = {
    Scope.SEGMENTS: gettext_lazy("Segments and interactions"),
    Scope.RECORDINGS: gettext_lazy("Recordings"),
    Scope.TRANSCRIPTS: gettext_lazy("Transcripts"),
}
MEANINGS = {
    Scope.SEGMENTS: gettext_lazy("Report rows with customers' addresses, agents and times."),
    Scope.RECORDINGS: gettext_lazy("Audio and desktop recordings, to list and to take away."),
    Scope.TRANSCRIPTS: gettext_lazy("Transcripts, to list and to take away."),
}
_NEEDED = {
    Scope.SEGMENTS: Permission.INSIGHTS_VIEW,
    Scope.RECORDINGS: Permission.RECORDINGS_DOWNLOAD,
    Scope.TRANSCRIPTS: Permission.RECORDINGS_DOWNLOAD,
}
"""Nobody hands out through a token what they could not open themselves."""


def may_make(kind: TokenKind, scopes: Iterable[Scope], *, rank: Rank) -> bool:
    """Whether somebody may make such a token: data is brought in with an admin's consent alone."""
    if kind is TokenKind.FEED:
        return rank.is_full
    return rank.may_give(_NEEDED[scope] for scope in scopes)
