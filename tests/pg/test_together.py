"""Several users of one server, and every way to die."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ebbtide.domain.errors import DatabaseUnreachable
from ebbtide.pg.account import account_for
from ebbtide.pg.binaries import find
from ebbtide.pg.launcher import EmbeddedPostgres, open_database

from .conftest import Someone, keepers, living, postmaster, servers, until


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Popen's own `with` waits for ever when a test fails."""
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


Comes = Callable[..., Someone]


def test_the_first_may_leave_first(data: Path, binaries: Path | None, comes: Comes) -> None:
    first = comes(data, binaries=binaries)
    assert first.says() == "READY"
    second = comes(data, binaries=binaries)
    assert second.says() == "READY"
    server = postmaster(data)
    first.leave()
    assert second.works(), "the same connection goes on"
    third = comes(data, binaries=binaries)
    assert third.says() == "READY"
    assert postmaster(data) == server
    second.leave()
    assert third.works()
    third.leave()
    assert not servers(data), "the last to leave waits for the end"


def test_many_at_once_on_an_empty_folder_meet_at_one_server(data: Path, comes: Comes) -> None:
    everybody = [comes(data) for _ in range(5)]
    assert [one.says() for one in everybody] == ["READY"] * 5
    assert len(keepers(data)) == 1
    for one in everybody:
        one.process.stdin.close()
    assert [one.process.wait(30) for one in everybody] == [0] * 5
    until(lambda: not living(data))


def test_coming_while_the_last_leaves(kept: Path, comes: Comes) -> None:
    for _ in range(4):
        leaving = comes(kept)
        assert leaving.says() == "READY"
        coming = comes(kept)
        leaving.process.stdin.close()
        assert coming.says() == "READY"
        assert coming.works()
        coming.leave()
        assert leaving.process.wait(30) == 0


def test_kill_9_of_the_first_harms_no_other(kept: Path, comes: Comes) -> None:
    first, second = comes(kept), comes(kept)
    assert first.says() == second.says() == "READY"
    first.kill()
    assert second.works()
    second.leave()


def test_kill_9_of_every_user_leaves_no_process(data: Path, binaries: Path | None, comes: Comes) -> None:
    users = [comes(data, binaries=binaries) for _ in range(3)]
    assert [one.says() for one in users] == ["READY"] * 3
    assert living(data)
    for one in users:
        one.kill()
    until(lambda: not living(data))
    with open_database(data, binaries=binaries) as urls:
        psycopg.connect(urls.web).close()


@pytest.mark.parametrize("victims", ["keeper", "postmaster", "keeper and users", "all but the backends"])
def test_kill_9_of_anyone_leaves_no_process_and_the_next_start_is_clean(kept: Path, comes: Comes, victims: str) -> None:
    user = comes(kept)
    assert user.says() == "READY"
    place = Path(json.loads((kept / "pg-state.json").read_text())["socket_dir"])
    assert place.is_dir()
    doomed = {
        "keeper": keepers(kept),
        "postmaster": [postmaster(kept)],
        "keeper and users": [*keepers(kept), user.process.pid],
        "all but the backends": [*keepers(kept), user.process.pid, postmaster(kept)],
    }[victims]
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not living(kept))
    with open_database(kept) as urls:
        psycopg.connect(urls.web).close()
    assert not place.exists(), "what the killed could not clear, the next start has"


@pytest.mark.parametrize("at", ["pg-state.json", "pg/postmaster.pid"])
def test_kill_9_of_the_only_user_while_the_server_starts(kept: Path, comes: Comes, at: str) -> None:
    user = comes(kept)
    until((kept / at).exists)
    user.kill()
    until(lambda: not living(kept))


def test_a_stale_pid_file_naming_a_stranger_neither_blocks_nor_kills(kept: Path) -> None:
    with open_database(kept):
        lines = (kept / "pg" / "postmaster.pid").read_text().splitlines()
    account = account_for(kept / "pg")
    drop = {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with ending(subprocess.Popen(["sleep", "600"], **drop)) as stranger:
        pid_file = kept / "pg" / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        os.chown(pid_file, account.uid, account.gid)
        with open_database(kept) as urls:
            psycopg.connect(urls.web).close()
        assert stranger.poll() is None, "we signal nobody by a number from a file"


def test_a_server_started_by_hand_is_named_and_left_alone(kept: Path) -> None:
    account = account_for(kept / "pg")
    programs = find(None, account=account)
    drop = {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    directory = os.open(kept / "pg", os.O_RDONLY)
    try:
        by_hand = subprocess.Popen(
            [programs.bin / "postgres", "-D", f"/proc/self/fd/{directory}", "-h", "", "-k", "@ebbtide-by-hand"],
            pass_fds=[directory], cwd="/", stderr=subprocess.DEVNULL, **drop,
        )  # fmt: skip
    finally:
        os.close(directory)
    with ending(by_hand):
        until(lambda: (kept / "pg" / "postmaster.pid").exists() and len(servers(kept)) > 3)
        with pytest.raises(DatabaseUnreachable, match="did not start"), open_database(kept):
            pass
        assert by_hand.poll() is None
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait(30)
    with open_database(kept):
        pass


@pytest.mark.parametrize("at", ["", "postgresql.conf", "base/5"])
def test_a_first_start_killed_midway_heals(data: Path, comes: Comes, at: str) -> None:
    first = comes(data)
    until(lambda: (data / "pg.part" / at).exists() or (data / "pg").exists())
    first.kill()
    with open_database(data) as urls, psycopg.connect(urls.owner) as owner:
        assert owner.execute("SELECT 1").fetchone() == (1,)
    assert not (data / "pg.part").exists()


def test_a_server_that_dies_under_its_user_is_started_again_by_start(kept: Path) -> None:
    postgres = EmbeddedPostgres(kept)
    postgres.start()
    with contextlib.ExitStack() as leaving:
        leaving.callback(postgres.stop)
        os.kill(postmaster(kept), signal.SIGKILL)
        until(lambda: not living(kept))
        psycopg.connect(postgres.start().web).close()
