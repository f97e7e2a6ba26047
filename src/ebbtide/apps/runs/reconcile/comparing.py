"""The three comparisons, one after the other."""

from datetime import datetime

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.apps.runs.reconcile.cells import compare_cells
from ebbtide.apps.runs.reconcile.drift import Reconciled
from ebbtide.apps.runs.reconcile.store import compare_store, settle_uploads
from ebbtide.apps.runs.services import Stop, never


def reconcile(org: Organization | None, *, mend: bool, now: datetime, stop: Stop = never) -> Reconciled:
    """Compare counts with rows and index rows with objects, and mend what can be mended.

    Args:
        org: one organization; None for all of them.
        mend: write right counts, release claims, remove what abandoned uploads left, resolve orphans by rule; else
            only report.
        now: the present moment (UTC).
        stop: whether the process should end; asked while objects are listed.

    Raises:
        StoreUnreachable: the store does not answer; counts have been compared and mended by then.
        Taken: a cell could not be locked for a long time, or the process was asked to end.
    """
    found = Reconciled()
    among = organizations() if org is None else [org]
    for one in among:
        found.drifts += compare_cells(one.id, mend=mend, found=found)
    for one in among:
        found.drifts += settle_uploads(one.id, mend=mend, now=now)
        found.drifts += compare_store(one, mend=mend, now=now, found=found, stop=stop)
    return found
