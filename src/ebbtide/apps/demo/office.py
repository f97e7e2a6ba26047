"""What people have done in the demo's centres, so that every page has something to show.

The centre that is not armed has jobs of every kind (one changed, one idle, one paused), a simulation that rests on
them, and asks for deletion to be switched on. Both have a group that may look on, somebody in it, an invitation
that waits, an export of last week, and programs with tokens. All of it goes through the services that pages call.
"""

from datetime import date, datetime, timedelta

import polars as pl

from ebbtide.apps.accounts.selectors import Rank
from ebbtide.apps.accounts.services import invite
from ebbtide.apps.activation.services import By, ask
from ebbtide.apps.catalog.selectors import queues
from ebbtide.apps.exports import services as exports
from ebbtide.apps.exports.selection import Selection
from ebbtide.apps.insights.intake.segments import EVENT_SCHEMA, SEGMENT_SCHEMA
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, Permission, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.orgs.services import add_member, add_to_group, create_group
from ebbtide.apps.policies.services import create_job, edit_job, pause_job
from ebbtide.apps.runs.services import simulate
from ebbtide.apps.tokens.scopes import Scope
from ebbtide.apps.tokens.secret import TokenKind
from ebbtide.apps.tokens.services import make_token
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import Clock

NOTE = "We have looked at the simulation Q by Q. Please switch deletion on before the end of the month."
GROUP = "Analysts"


def furnish(org: Organization, *, admin: User, analyst: User, url: str, clock: Clock) -> None:
    """Give a centre its group with somebody in it, an invitation, and rows that could not be dated."""
    now = clock.now()
    group = create_group(
        org.id, name=GROUP, permissions={Permission.DATA_VIEW, Permission.INSIGHTS_VIEW, Permission.RECORDINGS_LISTEN}
    )
    add_to_group(org.id, group=group, membership=add_member(org.id, user=analyst, is_admin=False))
    invite(
        org.id,
        email=f"new.colleague@{admin.email.rpartition('@')[2]}",
        is_admin=False,
        groups=[group.id],
        actor=admin.email,
        now=now,
        base_url=url,
    )
    today = local_day(now, zone=parse_zone(org.zone))
    _set_aside(org, today=today)
    _take_out(org, admin=admin, today=today, now=now)


def _take_out(org: Organization, *, admin: User, today: date, now: datetime) -> None:
    """Ask for last week as an archive, which the demo's worker makes; give two programs tokens that nobody keeps."""
    with acting_in(org.id):
        every = tuple(sorted(queue.id for queue in queues(org=org.id)))
    week = Selection(
        first=today - timedelta(days=7),
        last=today - timedelta(days=1),
        queues=every,
        types=tuple(DataType),
        format="csv",
    )
    exports.ask(org.id, selection=week, by=exports.By(actor=admin.email, at=now))
    for name, kind, scopes in (
        ("Data warehouse", TokenKind.READ, {Scope.SEGMENTS, Scope.TRANSCRIPTS}),
        ("Telephone system", TokenKind.FEED, set()),
    ):
        make_token(org.id, name=name, kind=kind, scopes=scopes, days=90, actor=admin.email, now=now, rank=Rank())


def _set_aside(org: Organization, *, today: date) -> None:
    """Bring in a few rows whose day cannot be known."""
    with acting_in(org.id):
        names = [queue.name for queue in queues(org=org.id)]
    rows = [
        dict.fromkeys(SEGMENT_SCHEMA)
        | {
            "line": number,
            "source_key": f"undated-{today.isoformat()}-{number}",
            "queue": names[number % len(names)],
            "channel": "voice",
            "outcome": "answered",
            "undatable": "no instant" if number % 3 else "more than 48 h in the future",
        }
        for number in range(1, 8)
    ]
    frame = pl.DataFrame(rows, schema=SEGMENT_SCHEMA)
    events = pl.DataFrame([], schema=EVENT_SCHEMA, orient="row")
    SegmentLoader(org.id, pepper=bytes(org.pepper)).load(frame, events=events)


def ask_for_deletion(org: Organization, *, admin: User, url: str, clock: Clock) -> None:
    """Give a centre that is not armed its jobs, simulate them, and ask for deletion on that evidence."""
    with acting_in(org.id):
        first, second, *_rest = [queue.id for queue in queues(org=org.id)]
    actor = admin.email
    desktop = create_job(
        org.id,
        type=JobType.QUEUE,
        what=What.DESKTOP,
        days=Days(120),
        queues=frozenset({first}),
        actor=actor,
    )
    edit_job(
        org.id,
        job_id=public_id("job", desktop.id),
        version=desktop.version,
        what=What.DESKTOP,
        days=Days(90),
        queues=frozenset({first, second}),
        actor=actor,
    )
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(470), queues=frozenset(), actor=actor)
    create_job(org.id, type=JobType.QUEUE, what=What.ALL, days=Days(730), queues=frozenset({second}), actor=actor)
    paused = create_job(
        org.id, type=JobType.QUEUE, what=What.ALL, days=Days(30), queues=frozenset({first}), actor=actor
    )
    now = clock.now()
    pause_job(org.id, job_id=public_id("job", paused.id), actor=actor, now=now, version=paused.version)
    run = simulate(org.id, clock=clock)
    by = By(user=admin, at=clock.now() + timedelta(microseconds=1), url=url)
    ask(refreshed(org.id), run=public_id("run", run.id), note=NOTE, by=by)
