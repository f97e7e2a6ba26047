"""Every table that holds something of a cell is named here, with how a purge takes it along.

The tables are asked of the catalogue: a new one with a Q, a day or a segment in it fails until it stands in one of the
two lists. What is purged, and that the neighbour stays, is tested beside each store.
"""

import re
from pathlib import Path

import pytest
from django.db import connections

import ebbtide
from ebbtide.apps.orgs.database import OWNER

pytestmark = pytest.mark.usefixtures("database")

PURGED_BY = {
    "insights_segment": "runs_delete_range",  # and with its day: insights_drop_day, insights_exchange
    "insights_event": "runs_delete_range",
    "insights_hour": "insights_drop_hours",  # a trigger on the cells: with whatever removes or changes one
    "insights_day": "insights_drop_hours",
    "insights_agent": "insights_drop_hours",
    "media_wordset": "media_drop_words",  # a trigger on the cells, as above
    "media_words": "media_drop_words",
    "catalog_cell": "runs_purge_rows",
    "media_mediaobject": "runs_close_objects",
    "exports_taken": "exports_close",  # with the archive; what condemns it stands in ARCHIVES
}
"""Tables that hold data of cells, each with the function of the database that takes it."""
STAYS = {
    "media_unindexed": "cells to be looked at, whose entries go with the next pass",
    "catalog_purgedline": "says up to where was purged",
    "catalog_cellchange": "counts alone, folded into the books by the metering",
    "catalog_tally": "counts alone, signed; what is purged has its entry in it",
    "billing_usage": "counts alone",
    "insights_identity": "ids that say nothing by themselves, so that what was purged does not come back",
    "insights_setaside": "undatable rows, which no job reaches; of late ones the fact alone",
    "accounts_dataaccess": "who of the staff saw or took what; ids that say nothing by themselves",
    "insights_partition": "how many rows a day had when it was settled",
    "insights_residue": "days in whose files dead rows are left, until they are written anew",
    "ledger_strayentry": "the book, of objects without a row: counts alone",
    "ledger_entry": "the book: counts alone, and it outlives its subjects",
    "policies_jobqueue": "which Qs a job names",
    "reports_servicetarget": "a setting",
}
"""Tables that name a Q, a day or a segment and hold nothing that a job could mean, each with the reason."""
FILES = {
    "org_*/que_*/DAY/TYPE/": "runs_close_objects",
    "exports/org_*/exp_*/": "exports_condemn",
}
"""Kinds of objects that hold data of cells, each with the function that takes them, or condemns them where they hold
data of many cells. What is condemned is served no more, and destroyed: tests/apps/exports."""
ARCHIVES = {
    "catalog_cell": {"exports_changed", "exports_removed"},
    "media_mediaobject": {"exports_claimed"},
}
"""What condemns archives, by the table it hangs on."""
ON_CELLS = {
    "media_drop_words": {"words_changed", "words_removed"},
    "insights_drop_hours": {"hours_changed", "hours_removed"},
}
"""Functions that have to be triggers on the cells."""


def ask(sql: str, values: list[object] | None = None) -> list[tuple[str, ...]]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[str, ...]] = cursor.fetchall()
    return found


def test_every_table_of_cells_is_registered() -> None:
    tables = ask(
        """
        SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
            AND a.attname IN ('queue_id', 'day', 'segment_id') AND NOT a.attisdropped
        """
    )
    planned = {"runs_planline"}  # plans: counts alone; their Qs stand in arrays
    named = PURGED_BY.keys() | STAYS.keys()
    assert {name for (name,) in tables} - planned == named, "say of a new table how it is purged, or why it is not"
    assert not PURGED_BY.keys() & STAYS.keys()


@pytest.mark.parametrize("table", PURGED_BY)
def test_what_takes_it_is_there(table: str) -> None:
    ((body,),) = ask("SELECT prosrc FROM pg_proc WHERE proname = %s", [PURGED_BY[table]])
    assert table in body
    assert "DELETE FROM" in body
    if PURGED_BY[table] in ON_CELLS:
        triggers = ask(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE t.tgrelid = 'catalog_cell'::regclass AND p.proname = %s AND t.tgenabled = 'O'",
            [PURGED_BY[table]],
        )
        assert {name for (name,) in triggers} == ON_CELLS[PURGED_BY[table]]


def test_every_kind_of_file_is_registered() -> None:
    """Whatever puts objects says under which keys; each of these keys has something that takes it along."""
    sources = Path(ebbtide.__file__).parent
    writers = {
        str(file.relative_to(sources))
        for file in sources.rglob("*.py")
        if re.search(r"store\.(put|pour)\(", file.read_text()) and "stores" not in file.parts
    }
    assert writers == {"apps/media/services.py", "apps/exports/making.py"}, (
        "say in FILES how what is put there is purged"
    )
    for function in FILES.values():
        assert ask("SELECT 1 FROM pg_proc WHERE proname = %s", [function]), function


@pytest.mark.parametrize("table", ARCHIVES)
def test_archives_hang_on_what_they_hold(table: str) -> None:
    triggers = ask(
        "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE t.tgrelid = %s::regclass AND p.proname = 'exports_condemn' AND t.tgenabled = 'O'",
        [table],
    )
    assert {name for (name,) in triggers} == ARCHIVES[table]
