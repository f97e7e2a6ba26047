"""Runs and a run as pages show them: filled shapes, complete before a template sees them.

Every function expects an open transaction in the organization.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.pages import armed_or_not, job_line, queue_lines
from ebbtide.apps.runs import listing, selectors
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.planning import facts_of, made_from
from ebbtide.domain.calendar import Days, next_night, parse_zone
from ebbtide.domain.errors import CapExceeded, PlanStale
from ebbtide.domain.guard import Caps, check_caps
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.domain.plan import check_fresh
from ebbtide.engine.admit import Mode
from ebbtide.web.context.runs import GuardNote, NumbersLine, PlanNote, ReasonLine, RunPage, RunsFilter, RunsPage
from ebbtide.web.context.shared import JobLine, QueueLine, RunLine, StateNote

RUNS_A_PAGE = 50


def state_note(org: Organization, *, last: Run | None) -> StateNote:
    """Say whether nights delete, and whether the last one was stopped by a guard."""
    if not org.armed or last is None or last.outcome != RunOutcome.BLOCKED:
        return armed_or_not(org)
    return StateNote(kind="blocked", since=last.ended_at, reason=last.reason, run=last.id)


def run_lines(runs: list[Run], *, org: int) -> list[RunLine]:
    """Give runs as lines, each with what its plan named."""
    plans = listing.plans_of(runs, org=org)
    return [_run_line(run, plan=plans[run.plan_id]) for run in runs]


def _run_line(run: Run, *, plan: Plan) -> RunLine:
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
    gone = [sums for outcome, sums in listing.booked(run).items() if outcome in {"purged", "already_gone"}]
    return replace(line, purged=sum(items for items, _size in gone), purged_bytes=sum(size for _items, size in gone))


def runs_page(
    org: Organization, *, now: datetime, narrowed: listing.Narrowed, before: int | None, after: int | None
) -> RunsPage:
    """Give a page of the list of runs.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        narrowed: which runs.
        before: only runs before this number.
        after: only runs after this number.
    """
    part = listing.slice_of_runs(org=org.id, narrowed=narrowed, before=before, after=after, limit=RUNS_A_PAGE)
    newest = Run.objects.filter(org_id=org.id).order_by("-id").first()
    kept = {"outcome": narrowed.outcome, "since": narrowed.since, "until": narrowed.until}
    query = {name: str(value) for name, value in kept.items() if value is not None}
    more = bool(part.runs)
    return RunsPage(
        state=state_note(org, last=newest),
        next_night=next_night(now, zone=parse_zone(org.zone), at=org.night_at),
        runs=tuple(run_lines(part.runs, org=org.id)),
        filter=RunsFilter(outcome=narrowed.outcome or "", since=narrowed.since, until=narrowed.until),
        newer=urlencode({**query, "after": public_id("run", part.runs[0].id)}) if more and part.has_newer else "",
        older=urlencode({**query, "before": public_id("run", part.runs[-1].id)}) if more and part.has_older else "",
    )


def run_page(org: Organization, *, run: Run, now: datetime) -> RunPage:
    """Give the page of a run.

    Args:
        org: the organization, read for this request.
        run: one of its runs.
        now: the request's moment.
    """
    plan = Plan.objects.get(org_id=org.id, id=run.plan_id)
    queues = queue_lines(org=org.id)
    guard = _guard_note(org, run=run, plan=plan, now=now)
    return RunPage(
        run=_run_line(run, plan=plan),
        plan=_plan_note(plan, queues=queues),
        lines=numbers_lines(run, queues=queues),
        reasons=_reasons(run),
        guard=guard,
        note="" if guard else run.reason,
        already_gone=listing.booked(run).get("already_gone", (0, 0))[0],
        verified=_verified(run),
    )


def numbers_lines(run: Run, *, queues: Mapping[int, QueueLine]) -> tuple[NumbersLine, ...]:
    """Give a run's numbers by Q and data type; what was not reached is known once a live run has ended."""
    ended = run.mode == Mode.LIVE and run.outcome is not None
    return tuple(
        NumbersLine(
            queue=queues[result.queue].name,
            data_type=result.data_type,
            planned=result.planned,
            planned_bytes=result.planned_bytes,
            purged=result.purged,
            purged_bytes=result.purged_bytes,
            kept=result.kept,
            failed=result.failed,
            not_reached=result.not_reached if ended else 0,
        )
        for result in selectors.results(run)
    )


def _reasons(run: Run) -> tuple[ReasonLine, ...]:
    told = [
        ReasonLine(number="kept" if one.outcome == "kept" else "failed", reason=one.reason, items=one.items)
        for one in selectors.reasons(run)
    ]
    if run.not_reached and run.reason:
        told.append(ReasonLine(number="not_reached", reason=run.reason, items=run.not_reached))
    return tuple(told)


def _verified(run: Run) -> bool | None:
    """Whether the read-back found everything gone; None where it did not come to an end, or found something."""
    return True if run.outcome == RunOutcome.COMPLETED else None


def _plan_note(plan: Plan, *, queues: Mapping[int, QueueLine]) -> PlanNote:
    decided = listing.deciders(plan)
    rows = RetentionJob.objects.filter(org_id=plan.org_id, id__in=[one.job for one in decided])
    types = {row.id: (JobType(row.type), What(row.what)) for row in rows}  # deleted jobs keep their row

    def line(one: listing.Decider) -> JobLine:
        type_, what = types[one.job]
        what = What.DESKTOP if one.desktop_only and what is What.DESKTOP else What.ALL
        named = frozenset() if type_ is JobType.GLOBAL else one.queues
        return job_line(Job(id=one.job, type=type_, what=what, days=Days(one.days), queues=named), queues=queues)

    return PlanNote(
        id=plan.id,
        digest=bytes(plan.sha256).hex(),
        made_at=plan.made_at,
        cells=plan.cells,
        oldest=plan.oldest,
        newest=plan.newest,
        jobs=tuple(line(one) for one in decided),
        confirmed_by=plan.confirmed_by,
        confirmed_at=plan.confirmed_at,
    )


def _guard_note(org: Organization, *, run: Run, plan: Plan, now: datetime) -> GuardNote | None:
    """Say which guard held a run back; None where none did.

    An armed organization is simulated for one reason alone: nothing ran for long, and nobody has confirmed the plan.
    """
    gap = run.outcome == RunOutcome.SIMULATED and plan.armed
    if run.outcome != RunOutcome.BLOCKED and not gap:
        return None
    note = GuardNote(message=run.reason, selected=plan.items, population=plan.population)
    asks = gap
    try:
        check_caps(Caps(share_percent=org.share_cap_percent), selected=plan.items, population=plan.population)
    except CapExceeded as refusal:
        # only where it is this cap that stopped the run: after a switch or a clock, confirming helps nothing
        if refusal.message == run.reason:
            asks, note = True, replace(note, limit=int(str(refusal.facts["limit"])))
    if not asks:
        return note
    note = replace(note, confirmed=plan.confirmed_at is not None)
    later = Run.objects.filter(org_id=org.id, plan_id=plan.id, id__gt=run.id).order_by("-id").first()
    if later is not None:
        return replace(note, went=later.id)
    try:
        check_fresh(made_from(plan), now=facts_of(org, now=now))
    except PlanStale as stale:
        return replace(note, stale=stale.message)
    return replace(note, plan=None if note.confirmed else plan.id, order=_order(org, plan))


def _order(org: Organization, plan: Plan) -> str:
    """Write the command that starts a run with this very plan."""
    return f"ebbtide run start {public_id('org', org.id)} --plan {public_id('plan', plan.id)}"
