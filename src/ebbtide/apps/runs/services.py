"""Runs: one pass over one organization, from plan to numbers.

One path for all of them. A run's row and its plan are written together; who carries it holds an advisory lock, so
that a run whose process died is free at once and is taken up by whoever comes next, with the same plan, at the last
batch in the book.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, connections, transaction

from ebbtide.apps.orgs.database import SWEEP, WEB, acting_in, mapped_errors
from ebbtide.apps.orgs.locks import carrying, helping, wait_until_at_rest
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.circumstances import circumstances
from ebbtide.apps.runs.models import Plan, Platform, Run, SwitchTurn
from ebbtide.apps.runs.planning import check_hash, facts_of, made_from, make_plan_here, plan_by_id
from ebbtide.apps.runs.probing import Standing, deletes_objects, store_standing
from ebbtide.apps.runs.selectors import run_by_id
from ebbtide.apps.runs.throttling import throttle_of
from ebbtide.apps.runs.wiring import beside, live_run, object_store
from ebbtide.domain.errors import Broken, InputInvalid, Refused, Taken
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import RunOutcome
from ebbtide.domain.plan import check_fresh
from ebbtide.engine.admit import Admission, Mode, admit
from ebbtide.engine.clock import Clock
from ebbtide.engine.night import carry_out
from ebbtide.engine.sweep import help_sweep

log = structlog.get_logger(__name__)

Stop = Callable[[], bool]


def never() -> bool:
    """Go on to the end."""
    return False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked to be; `only_simulate`: it must not be made of an organization that is armed."""

    trigger: str
    local_date: date
    as_of: date | None = None
    plan_id: str | None = None
    only_simulate: bool = False


def start_run(org_id: int, *, asked: Asked, clock: Clock, stop: Stop = never) -> Run:
    """Make a run and carry it to its end.

    A run of this organization that was broken off is taken up first; where it is the very plan asked for, that is all.

    Raises:
        InputInvalid: the date lies in the future.
        NotYours: there is no such plan.
        PlanStale: the plan is older than its facts.
        Taken: another process is running this organization, or has run this night.
    """
    run = _open_unless_one_is(org_id, asked=asked, now=clock.now())
    if run is None:
        broken_off = resume_open_run(org_id, clock=clock, stop=stop)
        if broken_off is not None and asked.plan_id == public_id("plan", broken_off.plan_id):
            return broken_off
        run = _open_run(org_id, asked=asked, now=clock.now())
    return carry(run, clock=clock, stop=stop)


def simulate(org_id: int, *, clock: Clock) -> Run:
    """Make a run that can only report: one of an organization that is not armed, by a plan that says so.

    Should it be armed in the moment between, the plan is stale, and no purge function takes a plan made before arming.

    Raises:
        InputInvalid: it is armed.
        Taken: another run of it is going on.
    """
    with acting_in(org_id, using=SWEEP):
        org = Organization.objects.using(SWEEP).get(id=org_id)
    today = facts_of(org, now=clock.now()).made_on
    asked = Asked(trigger="manual", local_date=today, only_simulate=True)
    return carry(_open_run(org_id, asked=asked, now=clock.now()), clock=clock)


def resume_open_run(org_id: int, *, clock: Clock, stop: Stop = never) -> Run | None:
    """Take up the organization's run that was broken off, if there is one.

    Raises:
        Taken: it is not broken off; another process carries it.
    """
    with acting_in(org_id, using=SWEEP):
        run = Run.objects.using(SWEEP).filter(org_id=org_id, outcome__isnull=True).first()
    return None if run is None else carry(run, clock=clock, stop=stop)


def _open_run(org_id: int, *, asked: Asked, now: datetime) -> Run:
    run = _open_unless_one_is(org_id, asked=asked, now=now)
    if run is None:
        raise _taken(org_id, asked=asked)
    return run


def _open_unless_one_is(org_id: int, *, asked: Asked, now: datetime) -> Run | None:
    """Make a run with its plan; None where one is open already. It is asked first: a plan can be large."""
    try:
        with acting_in(org_id, using=SWEEP):
            runs = Run.objects.using(SWEEP)
            if runs.filter(org_id=org_id, outcome__isnull=True).exists():
                return None
            plan = _plan_for(org_id, asked=asked, now=now)
            return runs.create(
                org_id=org_id, plan_id=plan.id, local_date=asked.local_date, trigger=asked.trigger, frozen_at=now
            )
    except IntegrityError as exc:
        raise _taken(org_id, asked=asked) from exc


def _taken(org_id: int, *, asked: Asked) -> Taken:
    return Taken(
        f"{public_id('org', org_id)} is being run by another process, or its night of {asked.local_date} has run: "
        "see `ebbtide run list`."
    )


def _plan_for(org_id: int, *, asked: Asked, now: datetime) -> Plan:
    """Make the plan of a run, or find the one asked for; expects an open transaction in the organization."""
    if asked.plan_id is not None:
        plan = plan_by_id(asked.plan_id, org=org_id, using=SWEEP)
        org = Organization.objects.using(SWEEP).get(id=org_id)
        check_fresh(made_from(plan), now=facts_of(org, now=now))
        return plan
    plan = make_plan_here(org_id, as_of=asked.as_of, now=now, using=SWEEP)
    if asked.only_simulate and plan.armed:  # raised here, the plan is not kept either
        raise InputInvalid(
            f"{public_id('org', org_id)} is armed: a run of it would delete. Nothing was started.", field="org"
        )
    return plan


def carry(run: Run, *, clock: Clock, stop: Stop = never) -> Run:
    """Carry a run to its end, fresh or broken off.

    Raises:
        Broken: of a run that was broken off, the plan is not what was decided.
        Taken: another living process carries it.
    """
    if connections[SWEEP].in_atomic_block:
        raise RuntimeError("a run is many transactions: what it does would be undone with the one around it")
    with carrying(run.id) as held:
        if not held:
            raise Taken(f"{public_id('run', run.id)} is being carried by another process: see `ebbtide run show`.")
        run = _admitted(run, clock=clock)
        if run.outcome is None:
            run = _awake(run)
            throttle = throttle_of(run, clock=clock)
            with beside() as hand:
                numbers = carry_out(
                    live_run(run, clock=clock), store=object_store(), stop=stop, throttle=throttle, beside=hand
                )
            run = _refreshed(run)
            log.info("run interrupted" if numbers is None else "run ended", **_told(run))
        return run


def help_run(org_id: int, *, run_id: int, clock: Clock, stop: Stop = never) -> int:
    """Work at a live run that another worker carries, for as long as there is a part that nobody is at.

    Returns:
        How many parts were gone through; 0 where there was nothing to do.

    Raises:
        Taken: the run ended meanwhile, or others kept coming first.
    """
    with acting_in(org_id, using=SWEEP):
        run = Run.objects.using(SWEEP).filter(org_id=org_id, id=run_id, mode=Mode.LIVE, outcome__isnull=True).first()
    if run is None:
        return 0
    with helping(run.id) as is_wanted:
        if not is_wanted:
            return 0
        with acting_in(org_id, using=SWEEP):
            _check_plan(run)
        throttle = throttle_of(run, clock=clock)
        with beside() as hand:
            parts = help_sweep(
                live_run(run, clock=clock), store=object_store(), stop=stop, throttle=throttle, beside=hand
            )
    log.info("run helped", org=public_id("org", org_id), run=public_id("run", run_id), parts=parts)
    return parts


def _awake(run: Run) -> Run:
    """Take back what was said of a run that rested."""
    if run.reason:
        with acting_in(run.org_id, using=SWEEP):
            Run.objects.using(SWEEP).filter(org_id=run.org_id, id=run.id, outcome__isnull=True).update(reason="")
    return _refreshed(run)


def _check_plan(run: Run) -> None:
    """Read the plan of a run that is taken up again against its hash; expects an open transaction.

    Raises:
        Broken: what is stored is not what was decided.
    """
    check_hash(Plan.objects.using(SWEEP).get(org_id=run.org_id, id=run.plan_id), using=SWEEP)


def _told(run: Run) -> dict[str, object]:
    return {
        "org": public_id("org", run.org_id),
        "run": public_id("run", run.id),
        "outcome": str(run.outcome),
        "purged": run.purged,
        "failed": run.failed,
        "not_reached": run.not_reached,
    }


def _refreshed(run: Run) -> Run:
    with acting_in(run.org_id, using=SWEEP):
        return Run.objects.using(SWEEP).get(org_id=run.org_id, id=run.id)


def _admitted(run: Run, *, clock: Clock) -> Run:
    """Give the run as it stands, with the guards' answer: asked now where nobody asked them yet.

    Raises:
        Broken: of a run that was broken off, the plan is not what was decided.
    """
    with acting_in(run.org_id, using=SWEEP):
        run = Run.objects.using(SWEEP).get(org_id=run.org_id, id=run.id)
        if run.outcome is not None:
            return run
        if run.mode is not None:
            _check_plan(run)
            return run
        plan = _plan_with_org(run)
        asks_store = deletes_objects(plan)
        if not asks_store:
            _admit(run, plan=plan, clock=clock, store=Standing())
    if asks_store:
        store = store_standing(clock=clock)  # in no transaction: the store may take its time
        with acting_in(run.org_id, using=SWEEP):
            _admit(run, plan=_plan_with_org(run), clock=clock, store=store)
    if run.outcome is not None:
        log.info("run ended", **_told(run))
    return run


def _plan_with_org(run: Run) -> Plan:
    return Plan.objects.using(SWEEP).select_related("org").get(org_id=run.org_id, id=run.plan_id)


def _admit(run: Run, *, plan: Plan, clock: Clock, store: Standing) -> None:
    """Ask the guards and write down the answer, before anything is deleted.

    Expects an open transaction, in which the plan was read with its organization.
    """
    try:
        check_fresh(made_from(plan), now=facts_of(plan.org, now=clock.now()))
        check_hash(plan, using=SWEEP)
        admission = admit(circumstances(run, org=plan.org, plan=plan, clock=clock, store_ahead=store.apart))
    except (Refused, Broken) as exc:
        admission = Admission(Mode.BLOCKED, exc.message)
    if admission.mode is Mode.LIVE:
        run.mode = Mode.LIVE
        run.stretch = settings.EBBTIDE_STRETCH
        run.probe_id = store.probe
        run.worker = f"{socket.gethostname()}:{os.getpid()}"
        if not plan.cells and not plan.rest_items:  # nothing to go through, to look after or to add up
            run.outcome = RunOutcome.COMPLETED
            run.ended_at = clock.now()
    else:
        run.mode = Mode.SIMULATED if admission.mode is Mode.SIMULATED else None
        run.outcome = RunOutcome(admission.mode)
        run.reason = admission.reason
        run.ended_at = clock.now()
    run.save(using=SWEEP, update_fields=["mode", "worker", "stretch", "probe", "outcome", "reason", "ended_at"])


def cancel_run(org_id: int, *, run_id: str, actor: str, now: datetime) -> Run:
    """Ask a run to stop; it does so before its next batch, and what it has not reached is left.

    Raises:
        NotYours: there is no such run.
        Taken: it has ended already.
    """
    with acting_in(org_id):
        if not Run.objects.filter(org_id=org_id, id=run_by_id(run_id, org=org_id).id, outcome__isnull=True).update(
            cancelled_at=now, cancelled_by=actor
        ):
            raise Taken(f"{run_id} has ended already: there is nothing to cancel.")
    wait_until_at_rest(org_id)
    with acting_in(org_id):
        return run_by_id(run_id, org=org_id)


def turn_switch(*, on: bool, reason: str, actor: str = "") -> bool:
    """Turn the platform's kill switch; when it is on and this returns, nothing is deleted any more, anywhere.

    Each turn is written down with whoever turned it.

    Returns:
        False where it stood so already.

    Raises:
        InputInvalid: no reason was given for switching it on.
    """
    if on and not reason.strip():
        raise InputInvalid("Give a reason: it is shown on every page while the switch is on.", field="reason")
    reason = reason.strip()
    with mapped_errors(), transaction.atomic(using=WEB):
        turned = Platform.objects.filter(id=1, stopped=not on).update(stopped=on, stopped_reason=reason if on else "")
        if turned:
            SwitchTurn.objects.create(on=on, reason=reason, actor=actor)
    if on:
        wait_until_at_rest(None)
    return bool(turned)
