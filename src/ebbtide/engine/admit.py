"""Admission: simulate, go live, or stop before the first deletion.

Everything is asked on one frozen set of circumstances, so that the answer can be shown and repeated.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ebbtide.domain.errors import GapUnconfirmed, Refused, SwitchOn
from ebbtide.domain.guard import Caps, Clocks, History, check_caps, check_clocks, check_gap


class Mode(StrEnum):
    """What a run may do."""

    SIMULATED = "simulated"
    LIVE = "live"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that decides whether a run may delete.

    Attributes:
        armed: whether deletion is armed for the organization.
        switch: what a kill switch that is on says; None where none is on.
        clocks: readings of host and database.
        caps: the organization's limits.
        history: its last runs.
        selected: items the plan names.
        population: items the organization has.
        confirmed: whether a person has confirmed this very plan.
        now: the run's frozen moment (UTC).
    """

    armed: bool
    switch: str | None
    clocks: Clocks
    caps: Caps
    history: History
    selected: int
    population: int
    confirmed: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer, with its reason in words."""

    mode: Mode
    reason: str = ""


def _check(found: Circumstances) -> None:
    """Ask all guards; the first that refuses raises."""
    if found.switch is not None:
        raise SwitchOn(found.switch)
    check_clocks(found.clocks)
    caps = found.caps
    if found.confirmed:
        caps = Caps(share_percent=None, items=caps.items)
    else:
        check_gap(found.history, now=found.now, selected=found.selected)
    check_caps(caps, selected=found.selected, population=found.population)


def admit(found: Circumstances) -> Admission:
    """Decide what the run may do.

    An organization that is not armed is always simulated; the reason then says what would have stopped a live run.
    """
    try:
        _check(found)
    except GapUnconfirmed as refusal:
        return Admission(Mode.SIMULATED, refusal.message)
    except Refused as refusal:
        if not found.armed:
            return Admission(Mode.SIMULATED, f"Armed, this run would be blocked: {refusal.message}")
        return Admission(Mode.BLOCKED, refusal.message)
    return Admission(Mode.LIVE if found.armed else Mode.SIMULATED)
