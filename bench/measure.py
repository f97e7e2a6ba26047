"""What every benchmark shares: a database of its own, a stopwatch, and memory."""

import gc
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["EBBTIDE_DATA"] = tempfile.mkdtemp(prefix="ebbtide-bench-")
os.environ["EBBTIDE_SECOND_FACTOR"] = "nobody"
os.environ["EBBTIDE_FIRST_NIGHTS"] = "none"  # organizations here are armed a moment before all that is due shall go
os.environ["DJANGO_SETTINGS_MODULE"] = "ebbtide.config.settings"

import django

django.setup()

import psycopg  # noqa: E402 - Django comes first
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from ebbtide.apps.orgs.database import connect  # noqa: E402
from ebbtide.apps.runs.schema import migrate  # noqa: E402
from ebbtide.pg.launcher import EmbeddedPostgres, Urls  # noqa: E402


@contextmanager
def fresh_database() -> Iterator[Urls]:
    """A migrated embedded database that goes afterwards."""
    running = EmbeddedPostgres(settings.EBBTIDE_DATA, binaries=settings.EBBTIDE_POSTGRES_BIN)
    urls = running.start()
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    try:
        migrate()
        yield urls
    finally:
        connections.close_all()
        running.stop()
        shutil.rmtree(settings.EBBTIDE_DATA, ignore_errors=True)


def checkpoint(urls: Urls) -> None:
    """Let what was written before not be paid for by what is measured next."""
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("CHECKPOINT")


def seconds(work: Callable[[], object]) -> float:
    """Time a piece of work by the wall clock."""
    gc.collect()
    start = time.monotonic()
    work()
    return time.monotonic() - start


def forget_peak() -> float:
    """Let the peak of this process's memory begin anew from what it holds now; gives that, in MiB (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


def peak_mib() -> float:
    """The most memory this process has held since the peak was last forgotten, in MiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise SystemExit("this system does not tell a process's peak memory")
    return int(found[1]) / 1024


def machine() -> str:
    """Name the machine in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, {platform.system()}"


def scratch(name: str) -> Path:
    """A file of the benchmark's own, beside its database."""
    return Path(settings.EBBTIDE_DATA) / name
