"""As root, and as an ordinary user."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ebbtide.domain.errors import Refused
from ebbtide.pg import binaries as programs
from ebbtide.pg.launcher import open_database

from .conftest import SOMEONE, SOURCE, living, servers, told_by, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root; the other files run as this very user")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def open_place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="ebbtide-test-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def python_for_nobody() -> str:
    """An interpreter of our version that an ordinary user can run."""
    for path in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin") or ""):
        said = subprocess.run(
            ["runuser", "-u", "nobody", "--", path, "-c", "import sys; print(sys.version_info[:2])"],
            check=False, capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        if said.stdout.strip() == str(sys.version_info[:2]):
            return path
    pytest.skip("NOT RUN as an ordinary user: no Python of this version that nobody could run")


def run_as_nobody(data: Path) -> subprocess.CompletedProcess[str]:
    spec = importlib.util.find_spec("psycopg")
    assert spec is not None
    packages = Path(str(spec.origin)).parents[1]
    return subprocess.run(
        ["runuser", "-u", "nobody", "--", "env", f"PYTHONPATH={SOURCE}:{packages}",
         python_for_nobody(), str(SOMEONE), str(data), "-"],
        input="go\n", check=False, capture_output=True, text=True, timeout=60, cwd="/",
    )  # fmt: skip


def test_root_under_a_folder_the_server_cannot_enter(binaries: Path | None) -> None:
    closed = Path(tempfile.mkdtemp(prefix="ebbtide-closed-"))
    data = closed / "a" / "b"
    closed.chmod(0o700)
    try:
        for _ in range(2):  # made, then found
            with open_database(data, binaries=binaries) as urls:
                with psycopg.connect(urls.owner, autocommit=True) as owner:
                    owner.execute("CREATE TABLE IF NOT EXISTS public.t AS SELECT generate_series(1, 1000) a")
                with psycopg.connect(urls.superuser, autocommit=True) as superuser:
                    superuser.execute("CHECKPOINT")
                    superuser.execute("SELECT pg_reload_conf()")
                    assert superuser.execute(
                        "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL"
                    ).fetchone() == (1,)
                pids = servers(data)
                assert len(pids) >= 5
                owners = set(told_by(pids, read=lambda process: process.stat().st_uid))
                assert 0 not in owners
                assert owners == {(data / "pg").stat().st_uid}
                status = told_by(pids, read=lambda process: (process / "status").read_text())
                groups = {line for text in status for line in text.splitlines() if "Groups" in line}
                assert {line.split(":")[1].strip() for line in groups} == {""}
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert closed.stat().st_uid == data.stat().st_uid == 0
    finally:
        until(lambda: not living(data))
        shutil.rmtree(closed)


def test_programs_the_server_cannot_read_are_copied_once(
    open_place: Path, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_place / "cache"
    monkeypatch.setattr(programs, "CACHE", cache)
    closed = tmp_path / "venv"
    package = programs._of_wheel().parents[1]
    for name in (package.name, package.name + ".libs"):
        shutil.copytree(package.with_name(name), closed / name, symlinks=True)
    binaries = closed / package.name / "pginstall" / "bin"
    closed.chmod(0o700)
    for _ in range(2):
        with open_database(data, binaries=binaries) as urls:
            psycopg.connect(urls.web).close()
            [copy] = cache.iterdir()
            run = set(told_by(servers(data), read=lambda process: str((process / "exe").readlink())))
            assert run == {str(copy / package.name / "pginstall" / "bin" / "postgres")}
    assert copy.name.startswith("postgresql-18")
    modes = {path.stat().st_mode & 0o022 for path in [cache, copy, *copy.rglob("*")] if not path.is_symlink()}
    assert modes == {0}, "only root may change what the server runs"
    copy.chmod(0o777)
    with pytest.raises(Refused, match="only root may write"), open_database(data, binaries=binaries):
        pass


def test_installed_programs_the_server_cannot_read_are_refused(tmp_path: Path, data: Path) -> None:
    closed = tmp_path / "installed"
    shutil.copytree(programs._of_wheel(), closed / "bin")
    closed.chmod(0o700)
    with pytest.raises(Refused, match="may not run PostgreSQL"), open_database(data, binaries=closed / "bin"):
        pass


def test_an_ordinary_user_and_then_root_on_the_same_folder(open_place: Path) -> None:
    data = open_place / "data"
    data.mkdir()
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    for _ in range(2):
        done = run_as_nobody(data)
        assert done.stdout.split() == ["READY", "42", "LEFT"], done.stderr
        assert {path.stat().st_uid for path in [data, *data.rglob("*")]} == {NOBODY.pw_uid}
        assert not living(data)
        with open_database(data) as urls:  # root joins in: runs it as the folder's owner, and locks nobody out
            psycopg.connect(urls.web).close()
            assert set(told_by(servers(data), read=lambda process: process.stat().st_uid)) == {NOBODY.pw_uid}


def test_an_ordinary_user_is_told_when_the_folder_is_not_theirs(open_place: Path) -> None:
    data = open_place / "data"
    with open_database(data):
        done = run_as_nobody(data)
    assert done.returncode == 2
    assert "Permission denied" in done.stdout
    assert "Choose a folder that you own" in done.stdout
    assert run_as_nobody(open_place / "new").returncode == 2
    assert not (open_place / "new").exists()
