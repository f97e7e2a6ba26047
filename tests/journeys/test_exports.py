"""Exports by real workers: one is killed while it writes, and the next brings the export to its end."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Selection
from ebbtide.apps.exports.services import By, ask
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import export_store
from ebbtide.domain.cell import DataType
from ebbtide.engine.clock import SystemClock
from tests.apps.web.conftest import days_ago, queues_of
from tests.journeys.product import Product, kill, wait_for
from tests.journeys.scenes import Size, centre, picture


def read(export: Export) -> Export:
    with acting_in(export.org_id):
        return Export.objects.get(id=export.id)


def staged(org: Organization) -> list[Path]:
    """Files of the exports of an organization, half written ones too, which a listing does not show."""
    folder = Path(settings.EBBTIDE_OBJECTS_URL.removeprefix("file://")) / "exports" / f"org_{org.id}"
    return sorted(file for file in folder.rglob("*") if file.is_file())


@pytest.mark.long
def test_a_killed_worker_leaves_nothing_half(product: Product) -> None:
    size = Size(calls=400, recorded=400)
    org, neighbour = (
        centre("Killed", size=size, armed=False),  # the night takes nothing while this goes on
        centre("Neighbour", size=Size(calls=5, recorded=2), armed=False),
    )
    untouched = picture(neighbour)
    selection = Selection(
        first=days_ago(org, 40),
        last=days_ago(org, 0),
        queues=tuple(queues_of(org).values()),
        types=(DataType.INSIGHTS, DataType.AUDIO),
        format="csv",
    )
    export = ask(org.id, selection=selection, by=By("alice@example.org", SystemClock().now()))
    keys = []
    for attempt in (1, 2):
        process = product.start("worker")
        wait_for(
            lambda attempt=attempt: (one := read(export)).attempts == attempt and one.items_done > 0,
            within=60,
            why=f"attempt {attempt} writes",
        )
        kill(process)
        found = read(export)
        assert found.ready_at is None
        keys.append(found.key)
    worker = product.start("worker")
    try:
        wait_for(lambda: read(export).ready_at is not None, within=120, why="the export is ready")
    finally:
        kill(worker)
    found = read(export)
    assert found.attempts == 3
    assert found.key not in keys
    assert [file.name for file in staged(org)] == [os.path.basename(found.key)]  # noqa: PTH119 - a key
    with zipfile.ZipFile(export_store().reader(found.key)) as archive:
        assert archive.testzip() is None
        head = json.loads(archive.read("manifest.json"))
    assert head["counts"]["exported"]["audio"]["items"] == 3 * 5 * size.recorded
    assert head["counts"]["exported"]["insights"]["items"] == 3 * 5 * size.calls
    assert picture(neighbour) == untouched
    assert product.ask("doctor")["ok"]
