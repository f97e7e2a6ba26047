"""Reconcile: do the counts agree with the rows, and the index rows with the store?

Three comparisons for each organization, each in a fixed number of queries whatever it holds: cells against rows and
index rows (cells.py), index rows against the store both ways (store.py, orphans.py), and claims that ended runs have
left (claims.py).

DANGER: an object that nothing knows of is never deleted for that. "Not in my list" is no reason to delete.
"""

from ebbtide.apps.runs.reconcile.claims import reaches_of
from ebbtide.apps.runs.reconcile.comparing import reconcile
from ebbtide.apps.runs.reconcile.drift import CELL_DRIFTS, Drift, Reconciled
from ebbtide.apps.runs.reconcile.nightly import compare_due, compare_one

__all__ = ["CELL_DRIFTS", "Drift", "Reconciled", "compare_due", "compare_one", "reaches_of", "reconcile"]
