"""Cells against rows and index rows: drift is mended by the database, which counts again under the cell's lock.

One statement compares, and so one snapshot: a count and its rows are written in one transaction, so a difference is
drift, never a write under way.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from typing import NamedTuple

import structlog

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.runs.reconcile.drift import CELL_BYTES, CELL_ITEMS, CHECK_ONLY, Drift, Reconciled
from ebbtide.domain.errors import Taken
from ebbtide.domain.identity import public_id

log = structlog.get_logger(__name__)

CELLS_AT_ONCE = 500
ATTEMPTS = 5

_DRIFTED = """
    WITH there AS (
        SELECT s.day, 'insights' AS data_type, s.queue_id, count(*) AS items, sum(s.bytes)::bigint AS bytes
        FROM insights_segment s WHERE s.org_id = %(org)s GROUP BY s.day, s.queue_id
        UNION ALL
        SELECT m.day, m.kind, m.queue_id, count(*), sum(m.bytes)::bigint
        FROM media_mediaobject m WHERE m.org_id = %(org)s GROUP BY m.day, m.kind, m.queue_id
    ), counted AS (
        SELECT c.day, c.data_type, c.queue_id, c.items, c.bytes FROM catalog_cell c WHERE c.org_id = %(org)s
    )
    SELECT day, data_type, queue_id, coalesce(c.items, 0), coalesce(c.bytes, 0),
        coalesce(t.items, 0), coalesce(t.bytes, 0)
    FROM counted c FULL JOIN there t USING (day, data_type, queue_id)
    WHERE c.items IS DISTINCT FROM t.items OR c.bytes IS DISTINCT FROM t.bytes
    ORDER BY day, data_type, queue_id
"""


class _Drifted(NamedTuple):
    """A cell whose counts are not those of its rows: items and bytes as counted, and as they are there."""

    day: date
    data_type: str
    queue: int
    counted_items: int
    counted_bytes: int
    items: int
    bytes: int

    @property
    def key(self) -> tuple[date, str, int]:
        return (self.day, self.data_type, self.queue)


def compare_cells(org: int, *, mend: bool, found: Reconciled) -> Iterator[Drift]:
    """Compare and, where asked, mend; gives what was found."""
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute("SELECT count(*) FROM catalog_cell WHERE org_id = %s", [org])
        found.cells += cursor.fetchone()[0]
        cursor.execute(_DRIFTED, {"org": org})
        drifted = [_Drifted(*row) for row in cursor.fetchall()]
    iterator = iter(drifted)
    while batch := list(islice(iterator, CELLS_AT_ONCE)):
        now_there = _mended(org, cells=batch) if mend else {}
        for cell in batch:
            where = f"{public_id('que', cell.queue)} {cell.day} {cell.data_type}"
            done = f"mended: counts {now_there.get(cell.key, 0):,} now" if mend else CHECK_ONLY
            if cell.counted_items != cell.items:
                yield Drift(org, CELL_ITEMS, where, cell.counted_items, cell.items, done)
            else:
                yield Drift(org, CELL_BYTES, where, cell.counted_bytes, cell.bytes, done)


def _mended(org: int, *, cells: Sequence[_Drifted]) -> dict[tuple[date, str, int], int]:
    """Have cells counted again, as often as someone else is first; gives the items of each."""
    for _ in range(ATTEMPTS - 1):
        with suppress(Taken):
            return _mended_once(org, cells=cells)
    return _mended_once(org, cells=cells)


def _mended_once(org: int, *, cells: Sequence[_Drifted]) -> dict[tuple[date, str, int], int]:
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute(
            "SELECT day, data_type, queue_id, items FROM runs_mend_cells(%s::date[], %s::text[], %s::int[])",
            [[cell.day for cell in cells], [cell.data_type for cell in cells], [cell.queue for cell in cells]],
        )
        mended = {(day, data_type, queue): items for day, data_type, queue, items in cursor.fetchall()}
    log.warning("cells mended", org=public_id("org", org), cells=len(mended))
    return mended
