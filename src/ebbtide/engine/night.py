"""The night: carry one admitted run to its end.

One path for all: nightly, started by hand, caught up, or taken over from a worker that died.
"""

from collections.abc import Callable
from concurrent.futures import Executor

from ebbtide.domain.errors import Broken, StoreUnreachable
from ebbtide.domain.outcome import Numbers, RunOutcome
from ebbtide.engine.ports import LiveRun, ObjectStore, RunPart
from ebbtide.engine.sweep import SweepEnd, settle, sweep
from ebbtide.engine.throttle import Throttle
from ebbtide.engine.verify import verify


def carry_out(
    run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool], throttle: Throttle, beside: Executor
) -> Numbers | None:
    """Sweep, verify and finish a live run.

    Args:
        run: the live run, fresh or broken off anywhere.
        store: where its objects lie.
        stop: whether the process should end.
        throttle: how fast it may go, and when.
        beside: does one thing beside this worker: where the store is waited for.

    Returns:
        The four numbers, or None where the process was asked to end or the run has to rest: it stays open and is taken
        up again.

    Raises:
        DatabaseUnreachable: nothing can be written down any more; the run stays open and is taken up again.
        Taken: another process holds the run by now.
    """
    broken = ""
    try:
        end = sweep(run, store=store, stop=stop, throttle=throttle, beside=beside)
    except Broken as exc:
        end, broken = SweepEnd(reached_end=False), exc.message
    if end.interrupted:
        if end.reason:
            run.rest(end.reason)
        return None
    while True:
        with run.alone() as whole:
            if whole is not None:
                return _close(run, whole, end=end, broken=broken, store=store)
        if stop():
            return None
        throttle.rest()  # a helper is at its last batch


def _close(run: LiveRun, whole: RunPart, *, end: SweepEnd, broken: str, store: ObjectStore) -> Numbers:
    """Write down what dead workers had destroyed, look whether all that is called gone is gone, and end the run."""
    try:
        settle(whole, store=store)
        if not broken:
            verify(run, store=store)
    except Broken as exc:
        broken = exc.message
    except StoreUnreachable as exc:
        if not broken:
            reason = f"Could not be verified: {exc.message}"
            return run.finish(reached_end=False, outcome=RunOutcome.INCOMPLETE, reason=reason)
    if broken:
        return run.finish(reached_end=False, outcome=RunOutcome.FAILED, reason=broken)
    outcome = None if end.reached_end else RunOutcome.INCOMPLETE
    return run.finish(reached_end=end.reached_end, outcome=outcome, reason=end.reason)
