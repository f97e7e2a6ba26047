"""The supervisor of one-process mode: starts web and worker, starts again what dies, ends all in good order.

However this process ends, kill -9 included, nothing of it stays: the kernel tells its children (`tied`). The web server
gets SIGTERM then, because it has a process of its own to end; the worker gets SIGKILL, which it survives by design and
which cannot hang. The embedded database goes when the last of them has gone (`ebbtide.pg.keeper`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ebbtide.domain.errors import Refused

_TIED = Path(__file__).with_name("tied.py")
_GLANCE_S = 0.2
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_STEADY_S = 60.0
"""A child that lived so long starts with the first pause again."""
_PRODUCT = "from ebbtide.cli.main import run; run()"

Say = Callable[[str], None]


def ebbtide(*arguments: str) -> list[str]:
    """Give the command line that runs this very Ebbtide with arguments, whatever is on the PATH."""
    return [sys.executable, "-c", _PRODUCT, *arguments]


@dataclass(slots=True)
class Child:
    """A process that is kept running.

    Attributes:
        name: what people call it.
        argv: program (absolute path) and arguments.
        on_orphaned: the signal it gets when the supervisor goes.
        patience_s: seconds it gets between the request to end and SIGKILL.
    """

    name: str
    argv: Sequence[str]
    on_orphaned: signal.Signals
    patience_s: float
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = _FIRST_PAUSE_S
    start_at: float = field(default=0.0)
    started_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it, tied to this process; from the main thread only."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_TIED), str(os.getpid()), str(int(self.on_orphaned)), *self.argv],
            stdin=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C reaches the supervisor alone, which then ends them one after the other
        )

    def tend(self, *, say: Say) -> None:
        """Start it if it is time to, and notice if it has ended.

        Raises:
            Refused: it ended because a rule says no; starting it again would not help.
        """
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.start()
            return
        status = self.process.poll()
        if status is None:
            return
        self.process = None
        if status == Refused.exit_code:
            raise Refused(f"The {self.name} refused to start; it said why above.")
        if now - self.started_at > _STEADY_S:
            self.pause_s = _FIRST_PAUSE_S
        how = f"by signal {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        say(f"The {self.name} ended {how}: it is started again in {self.pause_s:g} s.")
        self.start_at = now + self.pause_s
        self.pause_s = min(_LONGEST_PAUSE_S, self.pause_s * 2)

    def end(self, *, say: Say) -> None:
        """Ask it to end, wait, and kill it where it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.patience_s)
        except subprocess.TimeoutExpired:
            say(f"The {self.name} did not end within {self.patience_s:g} s and is killed; nothing is lost by that.")
            self.process.kill()
            self.process.wait()
        self.process = None


def supervise(
    children: Sequence[Child], *, stop: Callable[[], bool], say: Say, each_glance: Callable[[], None] = lambda: None
) -> None:
    """Keep children running until asked to stop, then end them in their order.

    Args:
        children: what to run; ended in this order.
        stop: whether to end.
        say: talks to the person.
        each_glance: called about five times a second.

    Raises:
        Refused: a child refused to start.
    """
    try:
        while not stop():
            for child in children:
                child.tend(say=say)
            each_glance()
            time.sleep(_GLANCE_S)
    except KeyboardInterrupt:  # a second Ctrl-C: nothing is waited for
        for child in children:
            child.patience_s = 0
        raise
    finally:
        for child in children:
            child.end(say=say)
