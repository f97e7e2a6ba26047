"""What there is to see of runs. Every function expects an open transaction in the organization."""

from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.runs.figures import Reason, Result, book_figures, plan_figures, results_of
from ebbtide.apps.runs.models import Run
from ebbtide.domain.identity import not_found, parse_id


def runs(*, org: int, limit: int = 100, before: int | None = None) -> list[Run]:
    """Give runs, newest first.

    Args:
        org: the organization's number.
        limit: at most so many.
        before: only runs with a smaller number: the key the next page starts from.
    """
    rows = Run.objects.filter(org_id=org)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.order_by("-id")[:limit])


def run_by_id(text: str, *, org: int) -> Run:
    """Find a run by its public id.

    Raises:
        NotYours: there is none.
    """
    found = Run.objects.filter(org_id=org, id=parse_id("run", text)).first()
    if found is None:
        raise not_found("run", text)
    return found


def run_for_operator(text: str) -> Run:
    """Find a run of any organization, for the operator, who names the run alone; opens its own transaction.

    Raises:
        NotYours: there is none.
    """
    with as_platform():
        found = Run.objects.filter(id=parse_id("run", text)).first()
    if found is None:
        raise not_found("run", text)
    return found


def results(run: Run) -> list[Result]:
    """Give a run's numbers by queue and data type, in the order of queues and types."""
    return results_of(plan_figures(run.plan_id, org=run.org_id), book=book_figures(run.id, org=run.org_id))


def reasons(run: Run) -> list[Reason]:
    """Give the reasons for what was kept or failed, most items first."""
    return book_figures(run.id, org=run.org_id).reasons
