"""A live run that goes on while a test looks at it: it stands still before each batch until it is let go."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.db import connections

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs import planning
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.services import Asked, start_run
from ebbtide.domain.identity import public_id
from ebbtide.engine import sweep

from .conftest import CLOCK, days_ago

PATIENCE_S = 120


@dataclass
class Gate:
    """Asked before every batch whether the process should end; it does not, but waits here."""

    _arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _open: bool = False

    def __call__(self) -> bool:
        self._arrived.release()
        if not self._open:
            assert self._go.acquire(timeout=PATIENCE_S)
        return False

    def step(self, batches: int = 1) -> None:
        """Let batches through; comes back when the run stands before the next one."""
        for _ in range(batches):
            self._go.release()
            self.wait()

    def wait(self) -> None:
        assert self._arrived.acquire(timeout=PATIENCE_S)

    def open(self) -> None:
        """Let all the rest through."""
        self._open = True
        self._go.release()


@dataclass
class Going:
    """A run in a thread of its own."""

    gate: Gate
    number: int
    ended: list[Run] = field(default_factory=list)
    thread: threading.Thread | None = None

    def end(self) -> Run:
        """Let it go on to its end."""
        self.gate.open()
        assert self.thread is not None
        self.thread.join(PATIENCE_S)
        return self.ended[0]


@contextmanager
def going(org: Organization, patch: pytest.MonkeyPatch) -> Iterator[Going]:
    """Start a live run of an armed organization's present plan, in batches of one object and one day; it stands still
    before the first."""
    patch.setattr(sweep, "OBJECTS_PER_BATCH", 1)
    patch.setattr(sweep, "ROWS_PER_BATCH", 1)
    patch.setattr(sweep, "BATCHES", 1)  # in a longer train it would stand still with the turnstile in its hand
    plan = planning.make_plan(org.id, as_of=None, now=CLOCK.now())
    chosen = public_id("plan", plan.id)
    planning.confirm_plan(org.id, plan_id=chosen, actor="test", now=CLOCK.now())
    run = Going(Gate(), 0)

    def carry() -> None:
        asked = Asked(trigger="manual", local_date=days_ago(org, 0), plan_id=chosen)
        try:
            run.ended.append(start_run(org.id, asked=asked, clock=CLOCK, stop=run.gate))
        finally:
            connections.close_all()  # this thread's own

    run.thread = threading.Thread(target=carry)
    run.thread.start()
    run.gate.wait()
    try:
        yield run
    finally:
        run.gate.open()
        run.thread.join(PATIENCE_S)
