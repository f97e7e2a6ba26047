"""What there is to see of runs. Every function expects an open transaction in the organization."""

from dataclasses import dataclass

from django.db.models import Sum

from ebbtide.apps.ledger.models import Entry
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.runs.models import PlanLine, Run
from ebbtide.domain.cell import DataType
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


@dataclass(slots=True)
class Result:
    """The four numbers (items) of one queue and data type in a run, and what was planned of it."""

    queue: int
    data_type: DataType
    planned: int = 0
    planned_bytes: int = 0
    purged: int = 0
    purged_bytes: int = 0
    kept: int = 0
    failed: int = 0

    @property
    def not_reached(self) -> int:
        """What was planned and has no other end."""
        return max(0, self.planned - self.purged - self.kept - self.failed)


def results(run: Run) -> list[Result]:
    """Give a run's numbers by queue and data type, in the order of queues and types."""
    found: dict[tuple[int, DataType], Result] = {}
    lines = PlanLine.objects.filter(org_id=run.org_id, plan_id=run.plan_id)
    for line in lines.iterator(chunk_size=500):
        for queue, items, size in zip(line.queues, line.items, line.bytes, strict=True):
            data_type = DataType(line.data_type)
            result = found.setdefault((queue, data_type), Result(queue, data_type))
            result.planned += items
            result.planned_bytes += size
    entries = Entry.objects.filter(org_id=run.org_id, run_id=run.id).values_list("queue_id", "data_type", "outcome")
    for queue, name, outcome, items, size in entries.annotate(n=Sum("items"), size=Sum("bytes")):
        data_type = DataType(name)
        result = found.setdefault((queue, data_type), Result(queue, data_type))
        if outcome in {"purged", "already_gone"}:
            result.purged += items
            result.purged_bytes += size
        elif outcome == "kept":
            result.kept += items
        else:
            result.failed += items
    order = list(DataType)
    return sorted(found.values(), key=lambda result: (result.queue, order.index(result.data_type)))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why items of a run were kept or failed."""

    outcome: str
    reason: str
    items: int


def reasons(run: Run) -> list[Reason]:
    """Give the reasons for what was kept or failed, most items first."""
    entries = Entry.objects.filter(org_id=run.org_id, run_id=run.id, outcome__in=["kept", "failed"])
    sums = entries.values_list("outcome", "reason").annotate(n=Sum("items")).order_by("-n")
    return [Reason(*row) for row in sums]
