"""The product as a person has it: its commands, as processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from ebbtide.pg.launcher import Urls

GLANCE = 0.005
_COMMAND = [sys.executable, "-c", "from ebbtide.cli.main import run; run()"]
_OURS = ("EBBTIDE_", "DATABASE_URL", "DJANGO_", "PYTEST_")


def plain_environment() -> dict[str, str]:
    """What a person's shell would have: nothing of Ebbtide's, nothing of the tests'."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@dataclass
class Product:
    """Ebbtide on one data folder, or on one database."""

    folder: Path
    environment: Mapping[str, str]

    def start(self, *arguments: str, own_folder: bool = True) -> "subprocess.Popen[str]":
        """Start a command; in a process group of its own, as a terminal would."""
        place = ["--data", str(self.folder)] if own_folder else []
        return subprocess.Popen(
            [*_COMMAND, *arguments, *place],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def stay(self, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        """Start a command that stays; what it says goes to a file, which can be read while it runs."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [*_COMMAND, *arguments, "--data", str(self.folder)],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                process_group=0,
            )

    def run(self, *arguments: str, own_folder: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.start(*arguments, own_folder=own_folder)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def ask(self, *arguments: str) -> Any:
        """Run a command that must work, and read its data."""
        done = self.run(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def on_database(urls: Urls, folder: Path) -> Product:
    """Ebbtide on the test's own database, which the test looks into at the same time."""
    own = {
        "DATABASE_URL": urls.web,
        "EBBTIDE_SWEEP_URL": urls.sweep,
        "EBBTIDE_OWNER_URL": urls.owner,
        "EBBTIDE_OBJECTS_URL": settings.EBBTIDE_OBJECTS_URL,
    }
    return Product(folder, plain_environment() | own)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kill(process: "subprocess.Popen[Any]") -> None:
    """Kill -9, and wait until the kernel has cleared up."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def wait_for(what: Callable[[], Any], *, within: float, why: str) -> Any:
    """Look until there is an answer."""
    deadline = time.monotonic() + within
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within:g} s: {why}"
        time.sleep(GLANCE)


def processes_at(folder: Path) -> dict[int, str]:
    """Every process that has to do with a data folder: by its command line, working directory or open files."""
    found = {}
    place = str(folder)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ties = [command, *(str(link.readlink()) for link in (*(entry / "fd").iterdir(), entry / "cwd"))]
        except OSError:  # gone meanwhile
            continue
        if any(place in tie for tie in ties):
            found[int(entry.name)] = command
    return found
