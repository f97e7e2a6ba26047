import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from ebbtide.pg.launcher import open_database

Told = TypeVar("Told")

SOURCE = Path(__file__).parents[2] / "src"
SOMEONE = Path(__file__).with_name("someone.py")
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(params=["wheel", "15"])
def binaries(request: pytest.FixtureRequest) -> Path | None:
    if request.param == "wheel":
        return None
    if not DEBIAN_15.is_dir():
        pytest.skip(f"NOT RUN on PostgreSQL 15: {DEBIAN_15} is not there")
    return DEBIAN_15


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder that does not exist yet; no process may be left of it at the end of the test."""
    folder = tmp_path / "data"
    yield folder
    until(lambda: not living(folder))
    if folder.is_dir():
        shutil.rmtree(folder)  # 45 MB each


@pytest.fixture(scope="session")
def made_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    with open_database(folder):
        pass
    return folder


@pytest.fixture
def kept(made_before: Path) -> Iterator[Path]:
    """One data folder for all tests that leave a sound cluster behind, however rudely."""
    yield made_before
    until(lambda: not living(made_before))


@pytest.fixture
def used(data: Path, made_before: Path) -> Path:
    """A data folder with a cluster in it, to be harmed."""
    subprocess.run(["cp", "-a", made_before, data], check=True)
    return data


class Someone:
    """A user of the database in a process of its own."""

    def __init__(self, data: Path, *, binaries: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SOMEONE), str(data), str(binaries or "-")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SOURCE)},
        )  # fmt: skip

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def works(self) -> bool:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.says() == "42"

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def close(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@pytest.fixture
def comes() -> Iterator[Callable[..., Someone]]:
    everybody: list[Someone] = []

    def one(data: Path, *, binaries: Path | None = None) -> Someone:
        everybody.append(Someone(data, binaries=binaries))
        return everybody[-1]

    yield one
    for someone in everybody:
        someone.close()


def until(condition: Callable[[], object], *, within: float = 15.0) -> None:
    """Look until it is so; fail if it never is."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.005)


def servers(data: Path) -> list[int]:
    """Processes that live in the cluster (or in one being built), whoever's they are."""
    found = []
    here = {(seen.st_dev, seen.st_ino) for path in ("pg", "pg.part") if (seen := _stat(data / path))}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (seen := _stat(process / "cwd")) and (seen.st_dev, seen.st_ino) in here:
            with contextlib.suppress(OSError):
                if " Z " not in (process / "stat").read_text().rpartition(")")[2][:3]:
                    found.append(int(process.name))
    return found


def told_by(pids: list[int], *, read: Callable[[Path], Told]) -> list[Told]:
    """What processes' folders in /proc tell; a backend that ends while it is asked tells nothing."""
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(read(Path(f"/proc/{pid}")))
    return found


def keepers(data: Path) -> list[int]:
    """The keepers of this folder's server, told by a descriptor of the data folder that they hold."""
    found = []
    here = _stat(data)
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and b"keeper.py\0keep" in (process / "cmdline").read_bytes():
                held = [_stat(link) for link in (process / "fd").iterdir()]
                if here and any(seen and (seen.st_dev, seen.st_ino) == (here.st_dev, here.st_ino) for seen in held):
                    found.append(int(process.name))
    return found


def living(data: Path) -> list[int]:
    return servers(data) + keepers(data)


def postmaster(data: Path) -> int:
    return int((data / "pg" / "postmaster.pid").read_text().split()[0])


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
