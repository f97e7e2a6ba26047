"""How much processor time each program took: what tells whether a machine had any more to give."""

import os
import resource
from collections import Counter
from contextlib import suppress
from pathlib import Path

_LITTLE_S = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")
OURS, POSTGRES, SEAWEED, TOOL = "python", "postgres", "weed", "the tool"


def spent() -> Counter[str]:
    """Give the seconds of processor time that each program's living processes have taken so far (Linux).

    Of what we have started and waited for, tools of others, the time is counted together.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds: Counter[str] = Counter({TOOL: ended.ru_utime + ended.ru_stime})
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):  # it has ended meanwhile
            name = (process / "comm").read_text().strip()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            user, system = int(fields[11]), int(fields[12])
            seconds[name] += (user + system) / _TICKS
    return seconds


def told(before: Counter[str], *, seconds: float) -> str:
    """Say what was taken since, of what there was in so many seconds."""
    taken = spent()
    taken.subtract(before)
    parts = [f"{name} {taken[name]:.1f}" for name in (SEAWEED, POSTGRES, OURS, TOOL) if taken[name] > _LITTLE_S]
    whole = seconds * (os.cpu_count() or 1)
    return f"processor seconds: {', '.join(parts)}, of {whole:.1f} that there were"
