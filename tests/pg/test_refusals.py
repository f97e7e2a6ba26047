"""What cannot work says why, what, and what to do."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from ebbtide.domain.errors import DatabaseUnreachable, Refused
from ebbtide.pg.launcher import open_database

from .conftest import DEBIAN_15

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root")


def refusal(data: Path, *, binaries: Path | None = None) -> str:
    with pytest.raises(Refused) as caught, open_database(data, binaries=binaries):
        pass
    return str(caught.value)


def test_a_cluster_of_another_major_version(used: Path) -> None:
    if DEBIAN_15.is_dir():
        assert "made by PostgreSQL 18" in refusal(used, binaries=DEBIAN_15)
    (used / "pg" / "PG_VERSION").write_text("14\n")
    said = refusal(used)
    assert "made by PostgreSQL 14" in said
    assert str(used) in said
    assert "start Ebbtide with PostgreSQL 14" in said


def test_programs_too_old_missing_or_odd(data: Path, tmp_path: Path) -> None:
    assert "no program postgres" in refusal(data, binaries=tmp_path / "nowhere")
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9 (Debian 14.9-1)'\n")
        (tmp_path / name).chmod(0o755)
    assert "14.9" in (said := refusal(data, binaries=tmp_path))
    assert "needs 15 or later" in said
    (tmp_path / "postgres").write_text("#!/bin/sh\necho hello\n")
    assert "does not say which" in refusal(data, binaries=tmp_path)
    assert not (data / "pg").exists()


def test_the_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert str(tmp_path / "data") in refusal(tmp_path / "data")
    assert f"File exists ({tmp_path / 'data'})" in refusal(tmp_path / "data" / "deeper")
    assert (tmp_path / "data").read_text() == "mine"


def test_the_cluster_is_something_else(data: Path) -> None:
    (data / "pg").mkdir(parents=True)
    (data / "pg" / "letters.txt").write_text("mine")
    assert "is not a PostgreSQL cluster" in refusal(data)
    assert (data / "pg" / "letters.txt").read_text() == "mine"
    shutil.rmtree(data / "pg")
    (data / "pg").write_text("mine")
    assert "Not a directory" in refusal(data)


@root_only
def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=False).returncode:
        pytest.skip("NOT RUN: mounting is not allowed here")
    try:
        with pytest.raises(DatabaseUnreachable, match="No space left") as caught, open_database(disk / "data"):
            pass
        assert "making the database cluster" in str(caught.value)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        assert "Read-only file system" in refusal(disk / "other")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_damaged_server_is_quoted(used: Path) -> None:
    (used / "pg" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnreachable, match="pg_control"), open_database(used):
        pass


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("NOT RUN as root, who may write everywhere; see test_users for the ordinary user")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert "Permission denied" in refusal(tmp_path / "data")


def test_what_an_earlier_end_said_is_not_quoted(used: Path) -> None:
    with (used / "pg.log").open("a") as log:
        log.write("2026-01-01 00:00:00 UTC [1] FATAL:  terminating connection due to administrator command\n")
    (used / "pg" / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnreachable, match="pg_control"), open_database(used):
        pass
