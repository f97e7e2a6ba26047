"""Plans: what a night would take."""

from typing import Annotated

import typer

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Plan
from ebbtide.cli import show
from ebbtide.cli.commands.orgs import Org
from ebbtide.cli.session import Session, command
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id

app = typer.Typer(help="Plans: exactly what a night would delete.", no_args_is_help=True)

PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="Id (plan_…).")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Organization's date, YYYY-MM-DD, up to today (default).")]


def _told(session: Session, plan: Plan) -> None:
    with acting_in(plan.org_id):
        names = {queue.id: queue.name for queue in catalog.queues(org=plan.org_id)}
        planned = list(planning.planned_cells(plan))

    def text() -> None:
        share = f"{plan.items * 100 / plan.population:.1f} %" if plan.population else "nothing"
        session.line(f"{public_id('plan', plan.id)}  as of {plan.as_of}, {'live' if plan.armed else 'simulation only'}")
        session.line(f"  {plan.items:,} items ({show.size(plan.bytes)}) in {plan.cells:,} cells, {share} of all")
        if plan.oldest is not None:
            session.line(f"  of {plan.oldest} to {plan.newest}")
        if plan.confirmed_at is not None:
            session.line(f"  confirmed by {plan.confirmed_by} at {plan.confirmed_at:%Y-%m-%d %H:%M} UTC")
        sums: dict[tuple[str, DataType, int, int], tuple[int, int]] = {}
        for one in planned:
            key = (names[one.cell.queue], one.cell.data_type, one.job, one.days)
            items, size = sums.get(key, (0, 0))
            sums[key] = (items + one.cell.items, size + one.cell.bytes)
        session.table(
            ["Q", "data type", "decided by", "days", "items", "size"],
            [
                [name, data_type, public_id("job", job), days, items, show.size(size)]
                for (name, data_type, job, days), (items, size) in sorted(sums.items())
            ],
            empty="  Nothing is due.",
        )

    cells = [
        {
            "day": one.cell.day,
            "queue_id": public_id("que", one.cell.queue),
            "queue": names[one.cell.queue],
            "data_type": one.cell.data_type,
            "items": one.cell.items,
            "bytes": one.cell.bytes,
            "job": public_id("job", one.job),
            "days": one.days,
        }
        for one in planned
    ]
    session.emit({**show.plan(plan), "cells": cells}, text=text)


@command(app, "make")
def make(session: Session, org: Org, as_of: AsOf = None) -> None:
    """Decide what is due and store it; deletes nothing."""
    found = find_organization(org)
    day = None if as_of is None else parse_day(as_of, field="as-of")
    _told(session, planning.make_plan(found.id, as_of=day, now=session.clock.now()))


@command(app, "show")
def show_(session: Session, plan: PlanId) -> None:
    """Show a plan."""
    _told(session, planning.plan_for_operator(plan))


@command(app, "confirm")
def confirm(session: Session, plan: PlanId) -> None:
    """Record that you saw its counts: the share cap does not hold this plan back any more."""
    org = planning.plan_for_operator(plan).org_id
    _told(session, planning.confirm_plan(org, plan_id=plan, actor=session.actor, now=session.clock.now()))
