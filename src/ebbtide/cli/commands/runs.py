"""Runs: one pass over one organization."""

from typing import Annotated

import typer

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.runs import selectors, services
from ebbtide.apps.runs.backlog import due_since
from ebbtide.apps.runs.horizon import horizon_of, in_words, told
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.probing import label_of
from ebbtide.cli import show
from ebbtide.cli.commands.orgs import Org
from ebbtide.cli.commands.plans import AsOf
from ebbtide.cli.session import Session, command
from ebbtide.cli.stopping import stop_asked
from ebbtide.domain.amount import nights_to_go
from ebbtide.domain.calendar import local_day, parse_day, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import RunOutcome

app = typer.Typer(help="Runs: simulated until the organization is armed, then live.", no_args_is_help=True)

EXITS = {RunOutcome.INCOMPLETE: 1, RunOutcome.BLOCKED: 2, RunOutcome.FAILED: 5}
"""What `run start` exits with where the run did not come to the end that was asked for; all others: 0."""

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id (run_…).")]


def _told(session: Session, run: Run, *, shows_overdue: bool = False) -> None:
    with acting_in(run.org_id):
        names = {queue.id: queue.name for queue in catalog.queues(org=run.org_id)}
        plan = Plan.objects.get(org_id=run.org_id, id=run.plan_id)
        today = local_day(session.clock.now(), zone=parse_zone(Organization.objects.get(id=run.org_id).zone))
        since = due_since(run.org_id, on=today)
        results = selectors.results(run)
        reasons = selectors.reasons(run)
        store = label_of(run)
        left = horizon_of(run)
    planned = sum(result.planned for result in results)

    def text() -> None:
        session.line(f"{public_id('run', run.id)}  {run.outcome or 'going on'}  ({run.trigger}, {run.local_date})")
        if run.reason:
            session.line(f"  {run.reason}")
        if run.outcome == "simulated":
            session.line(f"  Nothing was deleted; live, it would have taken {planned:,} items.")
        session.table(
            ["Q", "data type", "planned", "purged", "kept", "failed", "not reached", "size purged"],
            [
                [
                    names[one.queue],
                    one.data_type,
                    one.planned,
                    one.purged,
                    one.kept,
                    one.failed,
                    one.not_reached if run.mode == "live" else 0,
                    show.size(one.purged_bytes),
                ]
                for one in results
            ],
            empty="  Nothing was due.",
        )
        if store is not None and not store.proves:
            why = f"not seen: {', '.join(store.missing)}" if store.probed_at else "it was never probed"
            session.line(f"  The object store cannot prove erasure ({why}): see `ebbtide store probe`.")
        for reason in reasons:
            session.line(f"  {reason.items:,} {reason.outcome}: {reason.reason}")
        if plan.rest_items:
            nights = nights_to_go(plan.rest_items, most=plan.amount)
            session.line(f"  {plan.rest_items:,} more were due and left to later nights: about {nights:,} to go.")
        if shows_overdue and since is not None and since < today:
            session.line(f"  The oldest item that is due now has been so for {(today - since).days:,} days.")
        if left is not None:
            session.line(f"  Left elsewhere: {in_words(left)}.")

    session.emit(
        {
            **show.run(run),
            "planned": planned,
            "rest": plan.rest_items,
            "nights_to_go": nights_to_go(plan.rest_items, most=plan.amount),
            "overdue_days": None if since is None else (today - since).days,
            "store": None
            if store is None
            else {
                "proves_erasure": store.proves,
                "probed_at": store.probed_at,
                "not_proved": list(store.missing),
            },
            "results": [
                {
                    "queue_id": public_id("que", one.queue),
                    "queue": names[one.queue],
                    "data_type": one.data_type,
                    "planned": one.planned,
                    "purged": one.purged,
                    "purged_bytes": one.purged_bytes,
                    "kept": one.kept,
                    "failed": one.failed,
                    "not_reached": one.not_reached if run.mode == "live" else 0,
                }
                for one in results
            ],
            "reasons": [{"outcome": one.outcome, "reason": one.reason, "items": one.items} for one in reasons],
            "left_elsewhere": told(left),
        },
        text=text,
    )


@command(app, "start")
def start(
    session: Session,
    org: Org,
    as_of: AsOf = None,
    plan: Annotated[str | None, typer.Option(help="Carry out this very plan (plan_…).")] = None,
) -> None:
    """Run one organization now; simulates unless it is armed."""
    if as_of is not None and plan is not None:
        raise InputInvalid("A plan has its date already: give --as-of or --plan, not both.", field="as-of")
    found = find_organization(org)
    asked = services.Asked(
        trigger="manual",
        local_date=local_day(session.clock.now(), zone=parse_zone(found.zone)),
        as_of=None if as_of is None else parse_day(as_of, field="as-of"),
        plan_id=plan,
    )
    with stop_asked() as stop:
        run = services.start_run(found.id, asked=asked, clock=session.clock, stop=stop)
    if run.outcome is None:
        session.say("Stopped after the batch; the run goes on when it is started again.")
    _told(session, run)
    if run.outcome in EXITS:
        raise typer.Exit(EXITS[RunOutcome(run.outcome)])


@command(app, "list")
def list_(
    session: Session,
    org: Org,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1, max=1000)] = 50,
) -> None:
    """List an organization's runs, newest first."""
    found = find_organization(org)
    with acting_in(found.id):
        listed = selectors.runs(org=found.id, limit=limit)
    session.emit(
        [show.run(run) for run in listed],
        text=lambda: session.table(
            ["id", "night", "started by", "outcome", "purged", "kept", "failed", "not reached", "reason"],
            [
                [
                    public_id("run", run.id),
                    run.local_date,
                    run.trigger,
                    run.outcome or "going on",
                    run.purged,
                    run.kept,
                    run.failed,
                    run.not_reached,
                    run.reason,
                ]
                for run in listed
            ],
            empty="No run yet: the first one comes tonight, or start one with `ebbtide run start`.",
        ),
    )


@command(app, "show")
def show_(session: Session, run: RunId) -> None:
    """Show a run: its four numbers by Q and data type, and its reasons."""
    _told(session, selectors.run_for_operator(run), shows_overdue=True)


@command(app, "cancel")
def cancel(session: Session, run: RunId) -> None:
    """Stop a run before its next batch; what it has not reached is left."""
    found = selectors.run_for_operator(run)
    _told(session, services.cancel_run(found.org_id, run_id=run, actor=session.actor, now=session.clock.now()))
