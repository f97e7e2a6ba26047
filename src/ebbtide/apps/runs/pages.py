"""Runs in lines, and the list of them, as pages show them: filled shapes, complete before a template sees them.

Every function expects an open transaction in the organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from django.db.models import QuerySet

from ebbtide.apps.catalog.selectors import population
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import armed_or_not, job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.figures import book_figures, plans_of
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.preview import preview
from ebbtide.apps.runs.tables import RUNS, runs_query
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import Amount
from ebbtide.domain.job import JobType
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.web.context.runs import AmountLine, FirstNight, RunsFilter, RunsPage
from ebbtide.web.context.shared import RunLine, StateNote
from ebbtide.web.listing import Asked, list_query


def state_note(org: Organization, *, last: Run | None) -> StateNote:
    """Say whether nights delete, and whether the last one was stopped by a guard."""
    if not org.armed or last is None or last.outcome != RunOutcome.BLOCKED:
        return armed_or_not(org)
    return StateNote(kind="blocked", since=last.ended_at, reason=last.reason, run=last.id)


def run_lines(runs: Sequence[Run], *, org: int) -> list[RunLine]:
    """Give runs as lines, each with what its plan named."""
    plans = plans_of(runs, org=org)
    return [run_line(run, plan=plans[run.plan_id]) for run in runs]


def run_line(run: Run, *, plan: Plan, purged: Amount | None = None) -> RunLine:
    """Give a run as a line.

    Args:
        run: the run.
        plan: the head of its plan.
        purged: what is gone so far of one that goes on, where the caller has added it up already.
    """
    trigger: Literal["nightly", "operator"] = "nightly" if run.trigger == "nightly" else "operator"
    line = RunLine(
        id=run.id,
        on=run.local_date,
        started_at=run.started_at,
        ended_at=run.ended_at,
        trigger=trigger,
        live=run.mode != Mode.SIMULATED,
        outcome=None if run.outcome is None else RunOutcome(run.outcome),
        planned=plan.items,
        planned_bytes=plan.bytes,
        purged=run.purged,
        kept=run.kept,
        failed=run.failed,
        not_reached=run.not_reached,
        purged_bytes=run.purged_bytes,
    )
    if run.outcome is not None:
        return line
    gone = purged if purged is not None else book_figures(run.id, org=run.org_id).purged
    return replace(line, purged=gone.items, purged_bytes=gone.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What a list of runs is narrowed to: how they ended, what they might do, who started them, local dates."""

    outcome: RunOutcome | None = None
    mode: Mode | None = None
    trigger: Literal["nightly", "operator", ""] = ""
    since: date | None = None
    until: date | None = None

    def of(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        """Keep the runs meant; both dates are in the span."""
        if self.outcome is not None:
            runs = runs.filter(outcome=self.outcome)
        if self.mode is not None:
            runs = runs.filter(mode=self.mode)
        if self.trigger:
            runs = runs.filter(trigger="nightly" if self.trigger == "nightly" else "manual")
        if self.since is not None:
            runs = runs.filter(local_date__gte=self.since)
        if self.until is not None:
            runs = runs.filter(local_date__lte=self.until)
        return runs


def runs_page(org: Organization, *, now: datetime, narrowed: Narrowed, asked: Asked) -> RunsPage:
    """Give a page of the list of runs.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        narrowed: which runs.
        asked: which part of them, in which order.
    """
    newest = Run.objects.filter(org_id=org.id).order_by("-id").first()
    return RunsPage(
        state=state_note(org, last=newest),
        next_night=next_night(now, zone=parse_zone(org.zone), at=org.night_at),
        runs=list_query(
            RUNS, narrowed.of(runs_query(org.id)), asked=asked, lines=lambda runs: run_lines(runs, org=org.id)
        ),
        filter=RunsFilter(
            outcome=narrowed.outcome or "",
            mode=narrowed.mode or "",
            trigger=narrowed.trigger,
            since=narrowed.since,
            until=narrowed.until,
        ),
        first_night=first_night(org, now=now) if newest is None else None,
    )


def first_night(org: Organization, *, now: datetime) -> FirstNight:
    """Say what the first night of an organization without runs will go by, and what it would take."""
    zone = parse_zone(org.zone)
    found, queues = jobs(org=org.id), queue_lines(org=org.id)
    takes = preview(org=org.id, on=local_day(next_night(now, zone=zone, at=org.night_at), zone=zone))
    return FirstNight(
        jobs=tuple(
            job_line(job, queues=queues)
            for job in sorted(found, key=lambda job: (job.type is not JobType.GLOBAL, job.days, job.id))
        ),
        takes=tuple(AmountLine(data_type=kind, items=one.items, bytes=one.bytes) for kind, one in takes.items()),
        items=sum(one.items for one in takes.values()),
        bytes=sum(one.bytes for one in takes.values()),
        stored=population(org=org.id),
    )
