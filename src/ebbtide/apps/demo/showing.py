"""The show behind `ebbtide demo`: two invented centres, one simulated night of both, and one live run of the armed one.

Everything goes the way customers' data goes: the loader, the intake of recordings, plan, guards, sweep. The centre of
2021 has no job, so that its night says "nothing is due"; the one of 2023 has the Global job it was onboarded with, and
a Q job that keeps desktop recordings of one Q for a month only.
"""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import monotonic

import polars as pl
from django.db import connections

from ebbtide.apps.catalog.identity import segment_id
from ebbtide.apps.catalog.selectors import find_queues, storage
from ebbtide.apps.demo.calls import generate_days
from ebbtide.apps.demo.centre import HARBOUR, LANTERNFISH, Centre
from ebbtide.apps.demo.recordings import Recording, recordings_for
from ebbtide.apps.insights.loading import SegmentLoader
from ebbtide.apps.media.services import Incoming, store_recordings
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.orgs.services import add_member, arm, create_user
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.apps.runs import nights, planning, selectors
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.apps.runs.services import Asked, Stop, start_run
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import Broken
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import Clock

CENTRES = (HARBOUR, LANTERNFISH)
ACTOR = "the demo's operator"
DESKTOP_QUEUE = "Technical Support"
DESKTOP_DAYS = Days(30)
REASON = "Demo: the simulation was looked at, and its counts are right."
OPERATOR = "operator@ebbtide.example"
_SEED = 20_231
_FOLLOWED = 0.06
"""Part of the recorded calls whose sound and transcript go together, a quarter of a megabyte each."""
_RECORDED_CALLS = 4_000
_SMALLEST_SHARE, _LARGEST_SHARE = 0.02, 0.1

Told = Callable[[str, int], None]
"""Told of progress: the centre's name, segments so far."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A centre that stands.

    Attributes:
        org: the organization.
        segments: report rows loaded.
        recordings: audio, transcripts and screen videos stored.
        seconds: how long it took.
    """

    org: Organization
    segments: int
    recordings: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of one organization, in items by data type.

    Attributes:
        org: as it is afterwards.
        before: what was there.
        would_go: what the simulated night named.
        gone: what the live run deleted; nothing where there was none.
        left: what is there, counted anew.
        simulated: the simulated night.
        live: the live run; None for the organization that was not armed.
        plan: the plan the live run carried out.
        seconds: how long the live run took.
    """

    org: Organization
    before: dict[DataType, int]
    would_go: dict[DataType, int]
    gone: dict[DataType, int]
    left: dict[DataType, int]
    simulated: Run
    live: Run | None = None
    plan: Plan | None = None
    seconds: float = 0.0


def recorded_share(segments: int) -> float:
    """Say which share of the calls is recorded: some thousand in all, however large the demo is."""
    return max(_SMALLEST_SHARE, min(_LARGEST_SHARE, _RECORDED_CALLS / segments))


def fill(centre: Centre, *, segments: int, days: int, clock: Clock, told: Told) -> Filled:
    """Make an organization and fill it up to yesterday.

    Args:
        centre: its profile.
        segments: about how many report rows.
        days: how many days back they reach.
        clock: tells what day it is there.
        told: told of progress.

    Raises:
        InputInvalid: there is an organization of that name already.
        StoreUnreachable: a recording could not be stored.
    """
    began = monotonic()
    org = onboard(centre.name, zone=centre.zone, onboarded_on=centre.onboarded, actor=ACTOR)
    last = local_day(clock.now(), zone=parse_zone(centre.zone)) - timedelta(days=1)
    chunks = generate_days(
        centre, first=last - timedelta(days=days - 1), last=last, segments=segments, seed=_SEED + org.id
    )
    loader = SegmentLoader(org.id, pepper=bytes(org.pepper))
    loaded = recordings = 0
    with ThreadPoolExecutor(1) as beside:  # PostgreSQL takes rows while we draw calls and store recordings
        previous: pl.DataFrame | None = None
        for frame, events in chunks:
            loading = beside.submit(loader.load, frame, events=events)
            if previous is not None:
                recordings += _record(org, previous, share=recorded_share(segments))
            loaded += loading.result().imported
            told(centre.name, loaded)
            previous = frame
        if previous is not None:
            recordings += _record(org, previous, share=recorded_share(segments))
        beside.submit(connections.close_all).result()
    return Filled(org, loaded, recordings, monotonic() - began)


def _record(org: Organization, frame: pl.DataFrame, *, share: float) -> int:
    def incoming() -> Iterator[Incoming]:
        for one in recordings_for(frame, share=share, seed=_SEED, followed=_FOLLOWED):
            yield Incoming(
                segment_id(one.source_key, pepper=bytes(org.pepper)), DataType(one.kind), partial(_whole, one)
            )

    def reject(_one: Incoming, why: str) -> None:
        raise Broken(f"The demo's own recording was rejected: {why}.")

    return store_recordings(org.id, incoming=incoming(), store=object_store(), reject=reject).imported


def _whole(recording: Recording) -> list[bytes]:
    return [recording.data]


def add_desktop_job(org: Organization) -> None:
    """Give an organization the Q job on desktop recordings."""
    with acting_in(org.id):
        (queue,) = find_queues([DESKTOP_QUEUE], org=org.id)
    create_job(
        org.id, type=JobType.QUEUE, what=What.DESKTOP, days=DESKTOP_DAYS, queues=frozenset({queue.id}), actor=ACTOR
    )


def play(*, armed: Organization, clock: Clock, stop: Stop, seen: Callable[[Plan], None]) -> list[Shown]:
    """Run everybody's night as a simulation, then arm one organization and run it live on a plan that was looked at.

    Args:
        armed: the organization to arm.
        clock: the host's clock.
        stop: whether to end; a live run then ends after its batch.
        seen: shown the plan before it is confirmed.

    Returns:
        What became of each organization, in the order of their numbers.

    Raises:
        Refused: a night could not be run; the message says why.
    """
    due = nights.due_nights(clock.now())
    before = {night.org: _counted(night.org) for night in due}
    report = nights.run_nights(due, clock=clock)
    for _, reason in report.failures:
        raise Broken(f"A night of the demo failed: {reason}")
    shown = []
    for night, simulated in zip(due, report.runs, strict=True):
        would_go = _by_type(simulated, planned=True)
        if night.org != armed.id:
            left = _counted(night.org)
            shown.append(
                Shown(refreshed(night.org), before[night.org], would_go, dict.fromkeys(left, 0), left, simulated)
            )
            continue
        arm(armed.id, reason=REASON, actor=ACTOR, now=clock.now())
        plan = planning.make_plan(armed.id, as_of=night.on, now=clock.now())
        seen(plan)
        planning.confirm_plan(armed.id, plan_id=public_id("plan", plan.id), actor=ACTOR, now=clock.now())
        began = monotonic()
        asked = Asked(trigger="manual", local_date=night.on, plan_id=public_id("plan", plan.id))
        live = start_run(armed.id, asked=asked, clock=clock, stop=stop)
        seconds = monotonic() - began
        shown.append(
            Shown(
                refreshed(armed.id),
                before[armed.id],
                would_go,
                _by_type(live, planned=False),
                _counted(armed.id),
                simulated,
                live,
                plan,
                seconds,
            )
        )
    return shown


def _counted(org: int) -> dict[DataType, int]:
    with acting_in(org):
        return {data_type: amount.items for data_type, amount in storage(org=org).items()}


def _by_type(run: Run, *, planned: bool) -> dict[DataType, int]:
    sums = dict.fromkeys(DataType, 0)
    with acting_in(run.org_id):
        for result in selectors.results(run):
            sums[result.data_type] += result.planned if planned else result.purged
    return sums


def email_in(centre: Centre, *, name: str) -> str:
    """Give the address of somebody of a centre."""
    return f"{name}@{centre.agents[0].rpartition('@')[2]}"


def let_in(email: str, *, org: Organization | None = None, is_operator: bool = False) -> str:
    """Make a person who can sign in, or give one a new password: an admin of an organization, an operator, or neither.

    Returns:
        The password; it is kept nowhere.
    """
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email=email).first()
    if user is None:
        user = create_user(email, password=password, is_operator=is_operator)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    if org is not None:
        add_member(org.id, user=user, is_admin=True)
    return password
