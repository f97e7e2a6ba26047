"""Reconcile: do the counts agree with the rows, and the index rows with the store?

Three comparisons for each organization, each in a fixed number of queries whatever it holds: cells against rows and
index rows (cells.py), index rows against the store both ways (store.py, orphans.py), and claims that ended runs have
left (claims.py).

DANGER: an object that nothing knows of is never deleted for that. "Not in my list" is no reason to delete.
"""

from datetime import datetime

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.runs.reconcile.cells import compare_cells
from ebbtide.apps.runs.reconcile.claims import reaches_of
from ebbtide.apps.runs.reconcile.drift import CELL_DRIFTS, Drift, Reconciled
from ebbtide.apps.runs.reconcile.store import compare_store, settle_uploads

__all__ = ["CELL_DRIFTS", "Drift", "Reconciled", "reaches_of", "reconcile"]


def reconcile(org: Organization | None, *, mend: bool, now: datetime) -> Reconciled:
    """Compare counts with rows and index rows with objects, and mend what can be mended.

    Args:
        org: one organization; None for all of them.
        mend: write right counts, release claims, remove what abandoned uploads left, resolve orphans by rule; else
            only report.
        now: the present moment (UTC).

    Raises:
        StoreUnreachable: the store does not answer; counts have been compared and mended by then.
        Taken: a cell could not be locked for a long time.
    """
    found = Reconciled()
    among = organizations() if org is None else [org]
    for one in among:
        found.drifts += compare_cells(one.id, mend=mend, found=found)
    for one in among:
        found.drifts += settle_uploads(one.id, mend=mend, now=now)
        found.drifts += compare_store(one, mend=mend, now=now, found=found)
    return found
