"""What a job has decided: in the last run, by its plan and the book, and in all, by the book.

Every function expects an open transaction in the organization.
"""

from django.db import connections
from django.db.models import Count, Max, Min, Sum

from ebbtide.apps.ledger.models import Entry
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.pages import run_lines
from ebbtide.web.context.jobs import BookedNote, DecidedNote, Quantity

_PURGED = ("purged", "already_gone")


def last_decided(*, org: int, job: int) -> DecidedNote | None:
    """Say what a job decided in the last run; None before the first."""
    run = Run.objects.filter(org_id=org).order_by("-id").first()  # leans on run_by_org (org, -id)
    if run is None:
        return None
    gone = Entry.objects.filter(org_id=org, run_id=run.id, job_id=job, outcome__in=_PURGED)
    sums = gone.aggregate(n=Sum("items"), size=Sum("bytes"))
    return DecidedNote(
        run=run_lines([run], org=org)[0],
        planned=_planned(run, job=job),
        purged=Quantity(items=sums["n"] or 0, bytes=sums["size"] or 0),
    )


def _planned(run: Run, *, job: int) -> Quantity:
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(u.items), 0)::bigint, coalesce(sum(u.bytes), 0)::bigint, min(l.day), max(l.day)
            FROM runs_planline l, unnest(l.jobs, l.items, l.bytes) AS u (job, items, bytes)
            WHERE l.org_id = %s AND l.plan_id = %s AND %s = ANY (l.jobs) AND u.job = %s
            """,
            [run.org_id, run.plan_id, job, job],
        )
        items, size, oldest, newest = cursor.fetchone()
    return Quantity(items=items, bytes=size, oldest=oldest, newest=newest)


def booked(*, org: int, job: int) -> BookedNote:
    """Add up all that is booked as purged because of a job, in whatever run."""
    gone = Entry.objects.filter(org_id=org, job_id=job, outcome__in=_PURGED)  # leans on entry_by_job
    sums = gone.aggregate(
        n=Sum("items"), size=Sum("bytes"), runs=Count("run_id", distinct=True), first=Min("run_id"), last=Max("run_id")
    )
    if not sums["runs"]:
        return BookedNote()
    ends = Run.objects.filter(org_id=org, id__in=[sums["first"], sums["last"]]).values_list("id", "local_date")
    on = dict(ends)
    return BookedNote(
        purged=Quantity(items=sums["n"], bytes=sums["size"]),
        runs=sums["runs"],
        first_run=sums["first"],
        last_run=sums["last"],
        first_on=on.get(sums["first"]),
        last_on=on.get(sums["last"]),
    )
