"""Making a cluster, once, and knowing whether one found may be used.

A cluster is built beside its place (`pg.part`) with its roles and database inside, and renamed when it is whole: kill
us at any instant, and the next start either finds a good cluster or none. Roles are made in single-user mode, so no
server ever listens on an unfinished cluster, and no moment exists at which a connection needs no password.

The folder is handed to PostgreSQL as an open descriptor, `-D /proc/self/fd/N`: root opens it, and the unprivileged
user gets to it although it may lie under folders that user cannot enter. See docs/adr/0002.

Every function here wants the server lock (`folder.Folder.try_lock`) held by the caller.
"""

import contextlib
import json
import os
import secrets
import shutil
from pathlib import Path

from ebbtide.domain.errors import DatabaseUnreachable, Refused
from ebbtide.pg.account import Account
from ebbtide.pg.binaries import Binaries, step
from ebbtide.pg.folder import Folder

ROLES = {"superuser": "postgres", "owner": "ebbtide_owner", "web": "ebbtide_web", "sweep": "ebbtide_sweep"}
_SQL = Path(__file__).with_name("roles.sql")
_HBA = "# Written by Ebbtide. A password for everyone, on the local socket too.\nlocal all all scram-sha-256\n"


def make_ready(folder: Folder, *, binaries: Binaries, account: Account, lock: int) -> None:
    """See that there is a cluster these programs may run, and passwords to it; build what is missing.

    Args:
        folder: the data folder.
        binaries: the programs.
        account: who runs them.
        lock: descriptor of the server lock; inherited by the programs, so that it outlives us with them.

    Raises:
        Refused: the cluster is of another major version, or the folder `pg` is something else.
        DatabaseUnreachable: building failed.
    """
    if folder.part.exists():
        shutil.rmtree(folder.part)  # interrupted; the lock says nobody is at it any more
    if not folder.cluster.exists():
        _build(folder, binaries=binaries, account=account, lock=lock)
        return
    _check_version(folder, binaries=binaries)
    _clear_stale_pid(folder)
    if not folder.secrets.exists():
        passwords = _make_passwords(folder)
        directory = os.open(folder.cluster, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _single_user(_password_sql(passwords), binaries=binaries, account=account, directory=directory, lock=lock)
        finally:
            os.close(directory)


def passwords_of(folder: Folder) -> dict[str, str]:
    """Read the passwords of the four roles.

    Args:
        folder: the data folder.

    Returns:
        Keys of `ROLES` to passwords.

    Raises:
        Refused: the file is damaged.
    """
    try:
        said = json.loads(folder.secrets.read_text(encoding="utf-8"))
        return {key: str(said[key]) for key in ROLES}
    except (ValueError, KeyError, TypeError) as exc:
        msg = f"{folder.secrets} is damaged: remove it, and the next start gives the database roles new passwords."
        raise Refused(msg) from exc


def _make_passwords(folder: Folder) -> dict[str, str]:
    passwords = {key: secrets.token_urlsafe(24) for key in ROLES}
    folder.write(folder.secrets, content=dict(passwords))
    return passwords


def _password_sql(passwords: dict[str, str]) -> str:
    # Token alphabet [A-Za-z0-9_-]: nothing to quote, and standard input is no process list.
    return "".join(f"ALTER ROLE {ROLES[key]} PASSWORD '{word}';\n\n" for key, word in passwords.items())


def _build(folder: Folder, *, binaries: Binaries, account: Account, lock: int) -> None:
    # Before the cluster, so that there never is a whole cluster whose passwords nobody knows.
    passwords = passwords_of(folder) if folder.secrets.exists() else _make_passwords(folder)
    folder.part.mkdir(mode=0o700)
    directory = os.open(folder.part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.geteuid() == 0:
            os.fchown(directory, account.uid, account.gid)
        locale = ["--locale=C"]
        if binaries.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = step(
            [
                str(binaries.bin / "initdb"), "-D", f"/proc/self/fd/{directory}", "-U", ROLES["superuser"],
                # Reject until the roles have passwords and our own pg_hba.conf says scram.
                "--encoding=UTF8", *locale, "--text-search-config=simple", "--data-checksums", "--auth=reject",
            ],
            account=account, descriptors=[directory, lock],
        )  # fmt: skip
        _must_have_worked(made.returncode, said=made.stderr or made.stdout, doing="making the database cluster")
        sql = _SQL.read_text(encoding="utf-8") + "\n\n" + _password_sql(passwords)
        _single_user(sql, binaries=binaries, account=account, directory=directory, lock=lock)
        hba = os.open("pg_hba.conf", os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, dir_fd=directory)
        with os.fdopen(hba, "w", encoding="ascii") as file:
            file.write(_HBA)
            file.flush()
            os.fsync(file.fileno())
    finally:
        os.close(directory)
    folder.part.rename(folder.cluster)
    folder.settle()


def _single_user(sql: str, *, binaries: Binaries, account: Account, directory: int, lock: int) -> None:
    argv = [
        str(binaries.bin / "postgres"), "--single", "-j", "-D", f"/proc/self/fd/{directory}",
        "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-c", "password_encryption=scram-sha-256",
        "postgres",
    ]  # fmt: skip
    done = step(argv, account=account, descriptors=[directory, lock], text=sql)
    _must_have_worked(done.returncode, said=done.stderr, doing="making the database roles")


def _must_have_worked(status: int, *, said: str, doing: str) -> None:
    if status == 0:
        return
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    grave = [
        line for line in lines if "error:" in line.lower() or "FATAL:" in line or "No space left" in line
    ] or lines[-1:]
    why = grave[0] if grave else f"exit status {status}"
    msg = f"PostgreSQL failed while {doing}: {why} (Nothing was kept; mend that and start again.)"
    raise DatabaseUnreachable(msg)


def _check_version(folder: Folder, *, binaries: Binaries) -> None:
    try:
        made_by = (folder.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        msg = f"{folder.cluster} is not a PostgreSQL cluster: move it away, or choose another data folder."
        raise Refused(msg, field="data") from None
    if made_by != str(binaries.major):
        msg = (
            f"The database in {folder.cluster} was made by PostgreSQL {made_by}, and {binaries.version} cannot run it: "
            f"start Ebbtide with PostgreSQL {made_by}, or dump it with that version and load it into a new data folder."
        )
        raise Refused(msg, field="data", made_by=made_by, offered=binaries.version)


def _clear_stale_pid(folder: Folder) -> None:
    """Remove a pid file that a dead server left, so that a stranger who got its number does not block the start.

    We hold the lock, so no server of ours lives. One started by hand does not know our lock, but every PostgreSQL
    process has the cluster as its working directory: that is looked up, and nothing is ever signalled.
    """
    pid_file = folder.cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    here = folder.cluster.stat()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to look at
            there = (process / "cwd").stat()
            same = (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
            if same and (process / "comm").read_text(encoding="utf-8").strip().startswith("postgres"):
                msg = (
                    f"A PostgreSQL that Ebbtide did not start (process {process.name}) runs on {folder.cluster}: "
                    "stop it, then try again."
                )
                raise DatabaseUnreachable(msg)
    pid_file.unlink()
