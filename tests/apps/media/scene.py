"""Alice's centre with three calls on one day, Charlie's beside it with calls and a recording of its own."""

from dataclasses import dataclass
from datetime import date

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.cell import DataType
from ebbtide.stores.objects import Objects
from tests.cast import calls, centre, load, record

DAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Scene:
    """Two organizations; the keys of Alice's calls, and one that only Charlie has."""

    alice: Organization
    charlie: Organization
    keys: list[str]
    foreign: str
    store: Objects


def two_centres() -> Scene:
    """Set the scene."""
    alice, charlie = centre("Alice's"), centre("Charlie's")
    ours = calls("Sales", day=DAY, count=3)
    theirs = [*ours, *calls("Sales", day=DAY, count=1, prefix="only")]
    load(alice, ours)
    load(charlie, theirs)
    for row in theirs:
        record(charlie, str(row["source_key"]), kind=DataType.AUDIO)
    return Scene(
        alice, charlie, [str(row["source_key"]) for row in ours], str(theirs[-1]["source_key"]), object_store()
    )
