"""Two centres with rows and recordings of three days each, and an export made on the spot."""

import zipfile
from collections.abc import Callable
from datetime import date

from ebbtide.apps.exports.making import make_export
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Selection
from ebbtide.apps.exports.services import By, ask
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import StoreUnreachable
from tests.apps.web.conftest import CLOCK, days_ago, queues_of
from tests.cast import calls, centre, load, record

AGES = (40, 11, 1)
QUEUES = ("Sales", "Support")


def two_centres() -> tuple[Organization, Organization]:
    orgs = centre("Alice's"), centre("Charlie's", zone="America/New_York")
    for org in orgs:
        for age in AGES:
            for queue in QUEUES:
                day = days_ago(org, age)
                load(org, calls(queue, day=day, count=3, prefix=org.name))
                for kind in (DataType.AUDIO, DataType.TRANSCRIPT, DataType.DESKTOP):
                    record(org, f"{org.name}-{queue}-{day}-0", kind=kind)
    return orgs


def select(org: Organization, **more: object) -> Selection:
    values: dict[str, object] = {
        "first": days_ago(org, 60),
        "last": days_ago(org, 0),
        "queues": tuple(sorted(queues_of(org).values())),
        "types": tuple(DataType),
        "format": "csv",
    }
    return Selection(**{**values, **more})  # type: ignore[arg-type]


def asked(org: Organization, **more: object) -> Export:
    return ask(org.id, selection=select(org, **more), by=By("alice@example.org", CLOCK.now()))


def never() -> bool:
    return False


def made(org: Organization, *, stop: Callable[[], bool] = never, **more: object) -> Export:
    """An export, asked for and made."""
    export = asked(org, **more)
    assert make_export(org.id, number=export.id, clock=CLOCK, stop=stop)
    return read(export)


def read(export: Export) -> Export:
    with acting_in(export.org_id):
        return Export.objects.get(id=export.id)


def opened(export: Export) -> zipfile.ZipFile:
    return zipfile.ZipFile(export_store().reader(export.key))


def is_there(key: str) -> bool:
    try:
        return bool(b"".join(export_store().get(key)))
    except StoreUnreachable:
        return False


def archives(org: Organization) -> set[str]:
    """Keys of everything below the exports of an organization."""
    return set(export_store().keys(f"exports/org_{org.id}"))


def day_of(org: Organization, age: int) -> date:
    return days_ago(org, age)
