"""Retention jobs."""

from typing import Annotated

import typer

from ebbtide.apps.catalog.selectors import find_queues
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.policies import selectors, services
from ebbtide.cli import show
from ebbtide.cli.commands.orgs import Org
from ebbtide.cli.session import Session, command
from ebbtide.domain.errors import JobInvalid
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What, parse_days

app = typer.Typer(help="Retention jobs: what is deleted, and after how many days.", no_args_is_help=True)

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="Id (job_…).")]


@command(app, "create")
def create(
    session: Session,
    org: Org,
    days: Annotated[str, typer.Option(help="Older than so many whole days, 1 to 5000.")],
    everything: Annotated[
        bool, typer.Option("--global", help="All four data types of the whole organization.")
    ] = False,
    queue: Annotated[list[str] | None, typer.Option(help="A Q, by id or name; may be repeated.")] = None,
    what: Annotated[What, typer.Option(help="For Q jobs: all four data types, or desktop recordings.")] = What.ALL,
) -> None:
    """Make a job: --global, or --queue Q for each Q."""
    if everything == (queue is not None):
        raise JobInvalid("A job is either --global or names Qs with --queue: give one of the two.", field="queue")
    period = parse_days(days)
    found = find_organization(org)
    reach = frozenset[int]()
    if queue is not None:
        with acting_in(found.id):
            reach = frozenset(one.id for one in find_queues(queue, org=found.id))
    row = services.create_job(
        found.id,
        type=JobType.GLOBAL if everything else JobType.QUEUE,
        what=what,
        days=period,
        queues=reach,
        actor=session.actor,
    )
    with acting_in(found.id):
        row = selectors.find_job(public_id("job", row.id), org=found.id)
        idle = services.ineffective_jobs(org=found.id)
    session.emit(
        show.job(row, idle_because=idle.get(row.id, ())),
        text=lambda: session.line(f"{public_id('job', row.id)} {show.sentence(row)}."),
    )
    if not session.is_json:
        for other, because in idle.items():
            names = ", ".join(public_id("job", one.id) for one in because)
            session.say(f"{public_id('job', other)} has no effect because of {names}, whose period is shorter.")


@command(app, "list")
def list_(session: Session, org: Org) -> None:
    """List an organization's jobs, with those that are paused or have no effect."""
    found = find_organization(org)
    with acting_in(found.id):
        rows = selectors.job_rows(org=found.id)
        idle = services.ineffective_jobs(org=found.id)
    session.emit(
        [show.job(row, idle_because=idle.get(row.id, ())) for row in rows],
        text=lambda: session.table(
            ["id", "job", "no effect because of"],
            [
                [
                    public_id("job", row.id),
                    show.sentence(row),
                    ", ".join(public_id("job", one.id) for one in idle.get(row.id, ())),
                ]
                for row in rows
            ],
            empty="No job: nothing of this organization is ever deleted.",
        ),
    )


@command(app, "pause")
def pause(session: Session, org: Org, job: JobArgument) -> None:
    """Take a job out of force until it is resumed."""
    found = find_organization(org)
    services.pause_job(found.id, job_id=job, actor=session.actor, now=session.clock.now())
    session.emit(
        {"id": job, "paused": True},
        text=lambda: session.line(f"{job} is paused: it takes nothing until it is resumed."),
    )


@command(app, "resume")
def resume(session: Session, org: Org, job: JobArgument) -> None:
    """Put a paused job back in force."""
    found = find_organization(org)
    services.resume_job(found.id, job_id=job, actor=session.actor)
    session.emit({"id": job, "paused": False}, text=lambda: session.line(f"{job} is in force again."))


@command(app, "delete")
def delete(session: Session, org: Org, job: JobArgument) -> None:
    """Take a job out of force."""
    found = find_organization(org)
    services.delete_job(found.id, job_id=job, actor=session.actor, now=session.clock.now())
    session.emit({"id": job, "deleted": True}, text=lambda: session.line(f"{job} is no longer in force."))
