"""The matrix over the real thing: which steps a night takes, and how one of them is disturbed."""

from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import services
from ebbtide.apps.runs.doctor import examine
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.wiring import live_run, object_store
from ebbtide.domain.errors import EbbtideError
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.clock import SystemClock
from tests.engine.night import AtOnce, Crashed, Killed, StepRun, Steps, StepStore
from tests.journeys.scenes import Picture, Size, booked, centre, picture, runs_of

CLOCK = SystemClock()
SIZE = Size(calls=2, recorded=1)
STRETCH = 60
"""So small that each day of the scene is a stretch."""
RERUNS = 2


def attempt(org: Organization, steps: Steps) -> Run | None:
    """Start or take up a run of the organization, and let it be disturbed; None where nobody came to its end."""
    asked = services.Asked(trigger="manual", local_date=CLOCK.now().date())
    store = StepStore(object_store(), steps=steps)
    with (
        patch.object(services, "live_run", lambda run, *, clock: StepRun(live_run(run, clock=clock), steps=steps)),
        patch.object(services, "object_store", lambda: store),
        patch.object(services, "beside", AtOnce),
        patch.object(settings, "EBBTIDE_STRETCH", STRETCH),
    ):
        try:
            broken_off = services.resume_open_run(org.id, clock=CLOCK)
            return broken_off or services.start_run(org.id, asked=asked, clock=CLOCK)
        except (Killed, Crashed, EbbtideError):
            connections.close_all()  # as the end of a process does, and that of a worker's task
    return None


@dataclass(frozen=True)
class Undisturbed:
    """What a night comes to that nobody disturbs, and the steps it takes."""

    picture: Picture
    steps: tuple[str, ...]


def undisturbed(name: str = "Quiet") -> Undisturbed:
    """Run a quiet night."""
    org, steps = centre(name, size=SIZE), Steps(at=-1)
    run = attempt(org, steps)
    assert run is not None
    assert (run.outcome, run.purged) == (RunOutcome.COMPLETED, SIZE.due), run.reason
    return Undisturbed(picture(org), tuple(steps.taken))


def converges(
    name: str, *, quiet: Undisturbed, steps: Steps, calm: Callable[[], object] = lambda: None
) -> tuple[Organization, list[str | None]]:
    """Disturb a night of a new organization, then run it again until it is completed.

    Args:
        name: the organization's, and what is told when it goes wrong.
        quiet: the end it must come to.
        steps: what is disturbed.
        calm: ends the disturbance.

    Returns:
        The organization, and how each of its runs ended.
    """
    org = centre(name, size=SIZE)
    attempt(org, steps)
    calm()
    gone_before = booked(org)
    for _ in range(RERUNS):
        if runs_of(org) and runs_of(org)[-1].outcome == RunOutcome.COMPLETED:
            break
        attempt(org, Steps(at=-1))
    runs = runs_of(org)
    assert runs[-1].outcome == RunOutcome.COMPLETED, f"{name}: {[run.reason for run in runs]}"
    assert booked(org) >= gone_before
    assert sum(run.purged for run in runs) == SIZE.due, f"{name}: counted twice, or not at all"
    left = picture(org, failures_allowed=True)
    assert left == quiet.picture, name
    return org, [run.outcome for run in runs]


def sound() -> list[str]:
    """What the doctor finds wrong."""
    return [f"{found.invariant}: {found.details}" for found in examine(now=CLOCK.now()) if not found.ok]
