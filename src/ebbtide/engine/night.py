"""The night: carry one admitted run to its end.

One path for all: nightly, started by hand, caught up, or taken over from a worker that died.
"""

from collections.abc import Callable

from ebbtide.domain.errors import Broken, StoreUnreachable
from ebbtide.domain.outcome import Numbers, RunOutcome
from ebbtide.engine.ports import LiveRun, ObjectStore
from ebbtide.engine.sweep import settle, sweep
from ebbtide.engine.verify import verify


def carry_out(run: LiveRun, *, store: ObjectStore, stop: Callable[[], bool]) -> Numbers | None:
    """Sweep, verify and finish a live run.

    Args:
        run: the live run, fresh or broken off anywhere.
        store: where its objects lie.
        stop: whether the process should end.

    Returns:
        The four numbers, or None where the process was asked to end: the run stays open and is taken up again.

    Raises:
        DatabaseUnreachable: nothing can be written down any more; the run stays open and is taken up again.
        Taken: another process holds the run by now.
    """
    try:
        settle(run, store=store)
        end = sweep(run, store=store, stop=stop)
        if end.interrupted:
            return None
        verify(run, store=store)
    except Broken as exc:
        return run.finish(reached_end=False, outcome=RunOutcome.FAILED, reason=exc.message)
    except StoreUnreachable as exc:
        return run.finish(
            reached_end=False, outcome=RunOutcome.INCOMPLETE, reason=f"Could not be verified: {exc.message}"
        )
    outcome = None if end.reached_end else RunOutcome.INCOMPLETE
    return run.finish(reached_end=end.reached_end, outcome=outcome, reason=end.reason)
