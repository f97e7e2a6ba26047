"""`ebbtide up`: one process that starts everything, mends what dies, and leaves nothing behind however it ends."""

import os
import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.journeys.product import Product, free_port, kill, plain_environment, processes_at, wait_for


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all of these: each start finds what the one before has left."""
    return tmp_path_factory.mktemp("up") / "data"


class Upped:
    """A running `ebbtide up`."""

    def __init__(self, place: Path, log: Path) -> None:
        self.port = free_port()
        self.folder = place
        self._log = log
        self.process = Product(place, plain_environment()).stay("up", "--port", str(self.port), log=log)
        wait_for(lambda: "Ebbtide is at" in self.said(), within=60, why=f"it serves; it said: {self.said()}")

    def said(self) -> str:
        return self._log.read_text()

    def answers(self) -> bool:
        """Whether the web interface answers; what it says is tested elsewhere."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def find(self, word: str) -> int:
        """The process whose command line has the word."""
        (pid,) = [
            pid
            for pid, command in processes_at(self.folder).items()
            if f"run() {word}" in command and pid != self.process.pid and _parent(pid) == self.process.pid
        ]
        return pid


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def upped(place: Path, tmp_path: Path) -> Iterator[Upped]:
    running = Upped(place, tmp_path / "up.log")
    yield running
    if running.process.poll() is None:
        kill(running.process)
    for pid in processes_at(place):  # a test that failed leaves nothing for the next one, nor on this machine
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_the_first_start_says_how_to_begin_and_kill_9_leaves_nothing(upped: Upped) -> None:
    said = upped.said()
    (path,) = re.findall(rf"http://127\.0\.0\.1:{upped.port}(/set-up/[\w-]{{43}}/)", said)
    with urllib.request.urlopen(f"http://127.0.0.1:{upped.port}{path}", timeout=10) as page:
        assert b"Make the operator" in page.read()
    assert "ebbtide org create 'My Centre' --tz Europe/Berlin --onboarded 2024-05-01" in said
    assert upped.answers()
    running = processes_at(upped.folder)
    assert len(running) > 5, "up, web and its own process, worker, keeper, PostgreSQL"
    secrets = (upped.folder / "pg-secrets.json").read_text().split('"')[3::4]
    assert len(secrets) == 4
    assert not any(secret in told for secret in secrets for told in [said, *running.values()])

    kill(upped.process)
    wait_for(
        lambda: not processes_at(upped.folder), within=4, why=f"still there: {processes_at(upped.folder).values()}"
    )


def test_what_dies_is_started_again_and_ctrl_c_ends_all(upped: Upped) -> None:
    for word in ("worker", "web"):
        old = upped.find(word)
        os.kill(old, signal.SIGKILL)
        wait_for(lambda old=old: not Path(f"/proc/{old}").exists(), within=10, why="the kernel has cleared it up")
    wait_for(upped.answers, within=30, why="the web interface is back")
    assert upped.find("worker")
    assert "ended by signal SIGKILL: it is started again" in upped.said()

    upped.process.send_signal(signal.SIGINT)
    assert upped.process.wait(timeout=30) == 0, upped.said()
    assert upped.said().rstrip().endswith("Ended.")
    assert processes_at(upped.folder) == {}


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = Product(tmp_path / "data", plain_environment()).run("up", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == (f"port: Port {port} of 127.0.0.1 is taken by another program: choose another with --port.\n")
    assert not (tmp_path / "data").exists()
