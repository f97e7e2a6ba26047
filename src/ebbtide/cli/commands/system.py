"""The platform as a whole: nights, switch, checks, migrations."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer
from django.conf import settings

from ebbtide.apps.exports.doctor import examine as examine_exports
from ebbtide.apps.orgs.database import OWNER, acting_in, mapped_errors
from ebbtide.apps.orgs.selectors import find_organization, organizations
from ebbtide.apps.orgs.services import stop_organization
from ebbtide.apps.runs import nights
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.models import Platform
from ebbtide.apps.runs.orphans import orphan_rows
from ebbtide.apps.runs.reconcile import Reconciled, compare_one
from ebbtide.apps.runs.reconcile import reconcile as reconcile_rows
from ebbtide.apps.runs.schema import migrate as apply_migrations
from ebbtide.apps.runs.services import turn_switch
from ebbtide.apps.runs.settling import Settled, refuse_while_stopped, settle_day, settle_due
from ebbtide.apps.runs.throttling import change_platform_throttle, throttle_set, told
from ebbtide.cli import show
from ebbtide.cli.session import Session, command, database
from ebbtide.cli.stopping import stop_asked
from ebbtide.cli.throttles import Hours, Objects, Rows, read_throttle, tell_throttle
from ebbtide.domain.calendar import parse_day
from ebbtide.domain.errors import InputInvalid, StoreUnreachable
from ebbtide.domain.identity import public_id
from ebbtide.web.context.kept import OrphanRow
from ebbtide.web.listing import Asked

switch = typer.Typer(help="The kill switch: while it is on, nothing is deleted.", no_args_is_help=True)

ORPHANS_TOLD = 1_000
"""Orphans told one by one of each organization; the page of the organization has all of them."""

OneOrg = Annotated[str, typer.Option("--org", help="Only this organization (id or name).")]


def register(root: typer.Typer) -> None:
    """Add the commands that stand alone."""
    command(root, "migrate", needs_database=False)(migrate)
    command(root, "night")(night)
    command(root, "settle")(settle)
    command(root, "reconcile")(reconcile)
    command(root, "doctor")(doctor)
    command(root, "throttle")(throttle)
    root.add_typer(switch, name="switch")


def throttle(session: Session, rows: Rows = None, objects: Objects = None, hours: Hours = None) -> None:
    """Set how fast all organizations together delete, and in which hours; without an option it only shows that."""
    with mapped_errors():
        before = throttle_set(Platform.objects.get(id=1))
    asked = read_throttle(before, rows=rows, objects=objects, hours=hours)
    change_platform_throttle(asked, actor=session.actor)

    def text() -> None:
        session.line("The whole platform")
        tell_throttle(session, asked)

    session.emit(told(asked), text=text)


def migrate(session: Session) -> None:
    """Bring the database up to date; a real one with its owner's role (EBBTIDE_OWNER_URL)."""
    if settings.EBBTIDE_EMBEDDED:
        with database():  # brings it up to date
            pass
    elif not settings.DATABASES[OWNER]["USER"]:
        raise InputInvalid("Set EBBTIDE_OWNER_URL: migrations run as the tables' owner.", field="EBBTIDE_OWNER_URL")
    else:
        apply_migrations()
    session.emit({"migrated": True}, text=lambda: session.line("The database is up to date."))


def night(session: Session) -> None:
    """Run everything that is due now, then exit."""
    with stop_asked() as stop:
        report = nights.run_nights(nights.due_nights(session.clock.now()), clock=session.clock, stop=stop)

    def text() -> None:
        session.table(
            ["organization", "night", "run", "outcome", "purged", "failed", "not reached"],
            [
                [
                    public_id("org", run.org_id),
                    run.local_date,
                    public_id("run", run.id),
                    run.outcome or "going on",
                    run.purged,
                    run.failed,
                    run.not_reached,
                ]
                for run in report.runs
            ],
            empty="Nothing is due now.",
        )
        for org, reason in report.failures:
            session.say(f"{public_id('org', org)}: {reason}")

    session.emit(
        {
            "due": report.due,
            "runs": [show.run(run) for run in report.runs],
            "failures": [{"org": public_id("org", org), "reason": reason} for org, reason in report.failures],
        },
        text=text,
    )
    if report.failures:
        raise typer.Exit(1)


def settle(
    session: Session,
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="This finished day alone, wanted or not (YYYY-MM-DD).")
    ] = None,
) -> None:
    """Write finished days, and words of transcripts, anew: sorted and without what deletions left in the files."""
    refuse_while_stopped()
    days: list[Settled] = []
    with stop_asked() as stop:
        if day is not None:
            days.append(settle_day(parse_day(day, field="day")))
        else:
            for one in settle_due(stop=stop):
                days.append(one)
                if session.err.is_terminal:  # it may take long: say how far it is
                    session.say(f"{_place(one)}: {one.items:,} rows, {one.done}")

    session.emit(
        [{"day": one.day, "piece": one.piece, "rows": one.items, "done": one.done} for one in days],
        text=lambda: session.table(
            ["day", "rows", "done"],
            [[_place(one), one.items, one.done] for one in days],
            empty="Every finished day is settled.",
        ),
    )
    if any(one.done in {"taken", "drifted"} for one in days):
        raise typer.Exit(1)


def _place(one: Settled) -> object:
    return f"words {one.piece}" if one.day is None else one.day


def _turned(session: Session, *, on: bool, org: str, reason: str) -> None:
    if org:
        found = find_organization(org)
        stop_organization(found.id, on=on, reason=reason, actor=session.actor, now=session.clock.now())
        where = found.name
    else:
        turn_switch(on=on, reason=reason, actor=session.actor)
        where = "every organization"
    state = "ON: nothing is deleted" if on else "off: armed organizations are deleted from again"
    session.emit({"on": on, "org": org or None}, text=lambda: session.line(f"The kill switch of {where} is {state}."))


@command(switch, "on")
def switch_on(
    session: Session,
    reason: Annotated[str, typer.Option(help="Why; shown while it is on.")] = "switched on by the operator",
    org: OneOrg = "",
) -> None:
    """Stop every deletion, at once."""
    _turned(session, on=True, org=org, reason=reason)


@command(switch, "off")
def switch_off(
    session: Session,
    reason: Annotated[
        str, typer.Option(help="Why; kept for an organization's switch.")
    ] = "switched off by the operator",
    org: OneOrg = "",
) -> None:
    """Let armed organizations be deleted from again."""
    _turned(session, on=False, org=org, reason=reason)


def reconcile(
    session: Session,
    org: OneOrg = "",
    check: Annotated[bool, typer.Option("--check", help="Only report; mend nothing.")] = False,
) -> None:
    """Prove the counts against rows and objects, report drift and mend it."""
    one_org = find_organization(org) if org else None
    now = session.clock.now()
    among = [one_org] if one_org else organizations()
    found = Reconciled()
    if check:
        found = reconcile_rows(one_org, mend=False, now=now)
    else:
        unreachable: StoreUnreachable | None = None
        for one in among:  # counts of all of them, whatever the store does
            try:
                found.add(compare_one(one, now=now))
            except StoreUnreachable as exc:
                unreachable = exc
        if unreachable is not None:
            raise unreachable
    remembered = [(one.id, list(islice(_orphans(one.id), ORPHANS_TOLD))) for one in among]

    def text() -> None:
        session.table(
            ["organization", "what", "where", "counted", "there", "done"],
            [
                [public_id("org", one.org), one.what, one.where, one.counted, one.there, one.done]
                for one in found.drifts
            ],
            empty=f"No drift: {found.cells:,} cells and {found.objects:,} objects agree with what is there.",
        )
        if any(orphans for _, orphans in remembered):
            session.table(
                ["organization", "orphan", "key", "first seen", "times seen", "what becomes of it"],
                [
                    [public_id("org", id_), row.what, row.key, row.first_seen_at, row.sightings, row.fate]
                    for id_, orphans in remembered
                    for row in orphans
                ],
                empty="",
            )

    session.emit(
        {
            "ok": not found.drifts,
            "cells": found.cells,
            "objects": found.objects,
            "drifts": [
                {
                    "org": public_id("org", one.org),
                    "what": one.what,
                    "where": one.where,
                    "counted": one.counted,
                    "there": one.there,
                    "done": one.done,
                }
                for one in found.drifts
            ],
            "orphans": [
                {
                    "org": public_id("org", id_),
                    "what": row.what,
                    "key": row.key,
                    "first_seen_at": row.first_seen_at,
                    "last_seen_at": row.last_seen_at,
                    "sightings": row.sightings,
                    "fate": row.fate,
                    "left_reason": row.left_reason or None,
                }
                for id_, orphans in remembered
                for row in orphans
            ],
        },
        text=text,
    )


def _orphans(org: int) -> Iterator[OrphanRow]:
    with acting_in(org):
        yield from orphan_rows(org, asked=Asked())


def doctor(session: Session) -> None:
    """Check the invariants on the live system; exits 5 where one has fallen."""
    findings = [*examine(now=session.clock.now()), *examine_exports(now=session.clock.now())]
    ok = all(one.ok for one in findings)

    def text() -> None:
        for one in findings:
            session.line(f"{'ok  ' if one.ok else 'FAIL'}  {one.invariant:<4} {one.what}")
            for detail in one.details:
                session.line(f"            {detail}")

    session.emit(
        {
            "ok": ok,
            "findings": [
                {"invariant": one.invariant, "what": one.what, "ok": one.ok, "details": one.details} for one in findings
            ],
        },
        text=text,
    )
    if not ok:
        raise typer.Exit(5)
