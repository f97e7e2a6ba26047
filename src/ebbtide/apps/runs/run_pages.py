"""A run, its plan and how far it is, as pages show them: filled shapes, complete before a template sees them.

Every function expects an open transaction in the organization.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.runs.backlog import backlog_note
from ebbtide.apps.runs.figures import BookFigures, Decider, PlanFigures, book_figures, plan_figures, results_of
from ebbtide.apps.runs.horizon import horizon_of
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.pages import run_line
from ebbtide.apps.runs.plan_cells import Names, list_cells
from ebbtide.apps.runs.planning import facts_of, made_from
from ebbtide.apps.runs.probing import label_of
from ebbtide.apps.runs.progress import progress_of
from ebbtide.apps.runs.tables import DAYS, NUMBERS, REASONS
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import Amount
from ebbtide.domain.errors import CapExceeded, PlanStale
from ebbtide.domain.guard import Caps, check_caps
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What
from ebbtide.domain.outcome import RunOutcome
from ebbtide.domain.plan import check_fresh
from ebbtide.engine.admit import Mode
from ebbtide.web.context.runs import (
    DayLine,
    GuardNote,
    NumbersLine,
    PlanFilter,
    PlanNote,
    ReasonLine,
    RunPage,
    RunPlanPage,
)
from ebbtide.web.context.shared import BacklogNote, JobLine, QueueLine, StoreLabel
from ebbtide.web.heatmap import Heatmap, heatmap
from ebbtide.web.listing import Asked, list_rows

_TOO_SHORT_S = 1.0
"""A run of fewer seconds says nothing about how fast it was."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that a run's page, tables and files are written from, read once.

    Attributes:
        run, plan: the rows.
        planned, book: added up.
        queues: every Q of the organization.
        store: what is known of the object store it deleted from.
    """

    run: Run
    plan: Plan
    planned: PlanFigures
    book: BookFigures
    queues: Mapping[int, QueueLine]
    store: StoreLabel | None = None

    @property
    def numbers(self) -> tuple[NumbersLine, ...]:
        """The numbers by Q and data type; what was not reached is known once a live run has ended."""
        ended = self.run.mode == Mode.LIVE and self.run.outcome is not None
        return tuple(
            NumbersLine(
                queue=self.queues[result.queue].name,
                data_type=result.data_type,
                planned=result.planned,
                planned_bytes=result.planned_bytes,
                purged=result.purged,
                purged_bytes=result.purged_bytes,
                kept=result.kept,
                failed=result.failed,
                not_reached=result.not_reached if ended else 0,
            )
            for result in results_of(self.planned, book=self.book)
        )

    @property
    def reasons(self) -> tuple[ReasonLine, ...]:
        """Why items were kept, failed or not reached."""
        told = [
            ReasonLine(number="kept" if one.outcome == "kept" else "failed", reason=one.reason, items=one.items)
            for one in self.book.reasons
        ]
        if self.run.not_reached and self.run.reason:
            told.append(ReasonLine(number="not_reached", reason=self.run.reason, items=self.run.not_reached))
        return tuple(told)

    @property
    def days(self) -> tuple[DayLine, ...]:
        """The days planned, oldest first, and what is gone of each."""
        purged = self.book.purged_by_day

        def line(day: date) -> DayLine:
            due, went = self.planned.by_day.get(day, Amount()), purged.get(day, Amount())
            return DayLine(
                day=day,
                planned=due.items,
                planned_bytes=due.bytes,
                purged=went.items,
                purged_bytes=went.bytes,
            )

        return tuple(line(day) for day in sorted(self.planned.by_day.keys() | purged.keys()))

    def calendar(self, *, newest: int | None = None) -> Heatmap | None:
        """Draw the days: of a live run what is gone, of all others what would go; None where nothing was planned."""
        by_day = self.planned.by_day
        if not by_day:
            return None
        if self.run.mode == Mode.LIVE:
            return heatmap(self.book.purged_by_day, missed=by_day.keys(), newest=newest)
        return heatmap(by_day, newest=newest)

    @property
    def seconds(self) -> float | None:
        """How long the run took; None while it goes on."""
        return None if self.run.ended_at is None else (self.run.ended_at - self.run.started_at).total_seconds()

    @property
    def verified(self) -> bool | None:
        """Whether the read-back found everything gone; None where it did not come to an end, or found something."""
        return True if self.run.outcome == RunOutcome.COMPLETED else None


def facts_of_run(run: Run) -> RunFacts:
    """Read what is to be told of a run."""
    plan = Plan.objects.get(org_id=run.org_id, id=run.plan_id)
    return RunFacts(
        run=run,
        plan=plan,
        planned=plan_figures(plan),
        book=book_figures(run.id, org=run.org_id),
        queues=queue_lines(org=run.org_id),
        store=label_of(run),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfRun:
    """What is asked of a run's page: of each of its tables, and the newest year of its calendar."""

    numbers: Asked
    reasons: Asked
    days: Asked
    year: int | None = None


def run_page(org: Organization, *, facts: RunFacts, asked: AskedOfRun, now: datetime) -> RunPage:
    """Give the page of a run.

    Args:
        org: the organization, read for this request.
        facts: of one of its runs.
        asked: which part of its tables.
        now: the request's moment.
    """
    run, plan = facts.run, facts.plan
    guard = _guard_note(org, run=run, plan=plan, now=now)
    numbers, reasons, days = facts.numbers, facts.reasons, facts.days
    rate = None if facts.seconds is None or facts.seconds < _TOO_SHORT_S else facts.seconds
    return RunPage(
        run=run_line(run, plan=plan, purged=facts.book.purged),
        plan=plan_note(facts),
        numbers=list_rows(NUMBERS, numbers, asked=asked.numbers) if numbers else None,
        reasons=list_rows(REASONS, reasons, asked=asked.reasons) if reasons else None,
        days=list_rows(DAYS, days, asked=asked.days) if days else None,
        days_open=bool(asked.days.sort or asked.days.after or asked.days.before),
        calendar=facts.calendar(newest=asked.year),
        purges=run.mode == Mode.LIVE,
        progress=None if run.outcome else progress_of(run, plan=plan, now=now, said=None),
        per_second=run.purged / rate if rate and run.purged else None,
        bytes_per_second=run.purged_bytes / rate if rate and run.purged else None,
        guard=guard,
        note="" if guard else run.reason,
        backlog=_backlog(org, run=run, plan=plan, now=now),
        already_gone=facts.book.by_outcome.get("already_gone", Amount()).items,
        stopped_at=run.cancelled_at,
        stopped_by=run.cancelled_by,
        verified=facts.verified,
        store=facts.store,
        horizon=horizon_of(run),
    )


def _backlog(org: Organization, *, run: Run, plan: Plan, now: datetime) -> BacklogNote | None:
    """Say how what this run left to later nights stands; None where it left nothing, or another run came since."""
    if not plan.rest_items or Run.objects.filter(org_id=org.id, id__gt=run.id).exists():
        return None
    return backlog_note(org, due=plan.rest_items, on=local_day(now, zone=parse_zone(org.zone)))


def run_plan_page(facts: RunFacts, *, narrowed: PlanFilter, asked: Asked) -> RunPlanPage:
    """Give the page of a run's plan, cell by cell.

    Args:
        facts: of the run.
        narrowed: which cells.
        asked: which part of them, in which order.
    """
    named = {one.queue for one in facts.planned.planned}
    return RunPlanPage(
        run=run_line(facts.run, plan=facts.plan, purged=facts.book.purged),
        plan=plan_note(facts),
        cells=list_cells(facts.plan, narrowed=narrowed, asked=asked, names=names_of(facts)),
        filter=narrowed,
        queues=tuple(line for number, line in facts.queues.items() if number in named),
    )


def names_of(facts: RunFacts) -> Names:
    """Give what turns a plan's numbers into lines."""
    return Names(facts.queues, {line.id: line for line in plan_note(facts).jobs if line.id is not None})


def plan_note(facts: RunFacts) -> PlanNote:
    """Give the head of a run's plan, with the jobs that decided."""
    plan, queues, decided = facts.plan, facts.queues, facts.planned.deciders
    rows = RetentionJob.objects.filter(org_id=plan.org_id, id__in=[one.job for one in decided])
    types = {row.id: (JobType(row.type), What(row.what)) for row in rows}  # deleted jobs keep their row

    def line(one: Decider) -> JobLine:
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
