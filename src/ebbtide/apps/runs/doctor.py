"""Doctor: do the invariants hold on the live system?"""

from dataclasses import dataclass, field
from datetime import datetime

from ebbtide.apps.runs.reconcile import CELL_DRIFTS, reconcile


@dataclass(frozen=True, slots=True)
class Finding:
    """One invariant, looked at.

    Attributes:
        invariant: its number, such as `I13`.
        what: what was looked at, in words.
        ok: whether it holds.
        details: what was found, and what to do about it.
    """

    invariant: str
    what: str
    ok: bool
    details: list[str] = field(default_factory=list)


def examine(*, now: datetime) -> list[Finding]:
    """Look at every invariant that can be seen on a live system; changes nothing.

    Args:
        now: the present moment (UTC).
    """
    drifts = reconcile(None, mend=False, now=now).drifts
    cells = [f"{one.where}: {one.counted:,} counted, {one.there:,} there" for one in drifts if one.what in CELL_DRIFTS]
    objects = [f"{one.what} {one.where}: {one.done}" for one in drifts if one.what not in CELL_DRIFTS]
    return [
        Finding("I3", "Rows and objects agree.", not objects, objects),
        Finding("I13", "Cells count what is there.", not cells, cells),
    ]
