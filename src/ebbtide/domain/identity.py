"""Typed public ids: `org_7`, `que_12`, `job_3`, `plan_9`, `run_41`, `req_2`, `exp_5`.

Elsewhere a script was given ids of one kind where another was meant, and hundreds of customers' sites were gone in
minutes. An id that says what it names cannot be taken for another.
"""

import re
from typing import Literal, get_args

from ebbtide.domain.errors import NotYours

Kind = Literal["org", "que", "job", "plan", "run", "mem", "grp", "inv", "req", "tok", "rec", "exp"]

_FORM = re.compile(rf"({'|'.join(get_args(Kind))})_([1-9][0-9]{{0,17}})")
_FIELDS: dict[Kind, str] = {
    "que": "queue",
    "mem": "member",
    "grp": "group",
    "inv": "invitation",
    "req": "request",
    "tok": "token",
    "rec": "recording",
    "exp": "export",
}
_WORDS: dict[Kind, str] = {
    "org": "organization",
    "que": "Q",
    "job": "job",
    "plan": "plan",
    "run": "run",
    "mem": "member",
    "grp": "group",
    "inv": "invitation",
    "req": "request",
    "tok": "token",
    "rec": "recording",
    "exp": "export",
}


def public_id(kind: Kind, number: int) -> str:
    """Write the public form of a row's number."""
    return f"{kind}_{number}"


def looks_like(kind: Kind, text: str) -> bool:
    """Say whether the text has the form of an id of this kind."""
    match = _FORM.fullmatch(text)
    return match is not None and match[1] == kind


def parse_id(kind: Kind, text: str) -> int:
    """Read the row's number out of a public id.

    Raises:
        NotYours: the text is no id of this kind; said in the same words as for a missing or foreign one.
    """
    match = _FORM.fullmatch(text)
    if match is None or match[1] != kind:
        raise not_found(kind, text)
    return int(match[2])


def not_found(kind: Kind, text: str) -> NotYours:
    """Build the one answer for ids that are missing, malformed or of another organization."""
    return NotYours(
        f"There is no {_WORDS[kind]} {text!r} here: look it up with the list command or page.",
        field=_FIELDS.get(kind, kind),
    )
