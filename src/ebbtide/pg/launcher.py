"""The embedded PostgreSQL: the database of `ebbtide up`, `demo`, every command without DATABASE_URL, and the tests.

Whoever needs the database opens the data folder. The first to come starts the server, the others join it, the last to
leave stops it; whoever is killed has left. The server belongs to a keeper process (`keeper`), not to any of them, so
the first may leave first. Nothing outlives everybody, whatever is killed in whatever order: see docs/adr/0002.
"""

import contextlib
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg

from ebbtide.domain.errors import DatabaseUnreachable, Refused
from ebbtide.pg.account import account_for
from ebbtide.pg.binaries import find
from ebbtide.pg.cluster import ROLES, make_ready, passwords_of
from ebbtide.pg.folder import Folder, State, plainly
from ebbtide.pg.server import attach, launch

PATIENCE = 30.0  # seconds without any sign of life from the server
_STOP_PATIENCE = 120.0  # seconds; the keeper itself turns to an immediate shutdown after 60
_GLANCE = 0.01  # seconds between two looks


@dataclass(frozen=True)
class Urls:
    """How to reach the database `ebbtide` as each role: `postgresql://` DSNs over the private socket, with passwords.

    Args:
        owner: runs migrations, owns the tables.
        web: serves the pages.
        sweep: runs the nights.
        superuser: for backups and repairs; the product never uses it.
    """

    owner: str
    web: str
    sweep: str
    superuser: str

    def __repr__(self) -> str:
        """Name no password: a repr ends up in logs."""
        return "Urls(…)"


class EmbeddedPostgres:
    """One use of the embedded server on a data folder; `with` it, or start and stop it.

    Not for sharing between threads; each may have its own, they meet at the same server.

    Args:
        data: the Ebbtide data folder; the cluster is its `pg`.
        binaries: bin folder of an installed PostgreSQL >= 15, instead of the wheel's.
    """

    def __init__(self, data: Path, *, binaries: Path | None = None) -> None:
        self._folder = Folder(root=data.absolute())
        self._binaries = binaries
        self._hold: socket.socket | None = None
        self._urls: Urls | None = None

    def start(self) -> Urls:
        """Start the server, or join the one that runs; return when it answers. Doing it twice is doing it once.

        Returns:
            How to reach it; valid until `stop`.

        Raises:
            Refused: folder, programs or user do not fit; the message says which and what to do.
            DatabaseUnreachable: the server does not come up or does not answer.
        """
        if not sys.platform.startswith("linux"):
            msg = "The embedded PostgreSQL runs on Linux only: set DATABASE_URL to a PostgreSQL server."
            raise Refused(msg)
        if self._hold is not None:
            if self._urls is not None and not _ended(self._hold, wait=0):
                return self._urls
            self._drop()  # the server died under us: begin anew
        with plainly(self._folder.root):
            self._folder.prepare()
            deadline = time.monotonic() + PATIENCE
            while True:
                hold, state, launched = self._join(deadline=deadline)
                try:
                    urls = _urls(passwords_of(self._folder), state=state)
                    ready = self._await_ready(hold, url=urls.owner)
                except BaseException:  # also Ctrl-C: a connection left open would keep the server running
                    hold.close()
                    raise
                if ready:
                    self._hold, self._urls = hold, urls
                    return urls
                hold.close()
                if launched or time.monotonic() > deadline:
                    said = self._folder.last_words()
                    msg = f"PostgreSQL on {self._folder.root} ended while starting: {said} (see {self._folder.log})."
                    raise DatabaseUnreachable(msg)

    def stop(self) -> None:
        """Leave the server; as the last to leave, wait until it has shut down (fast: open work is rolled back).

        Raises:
            DatabaseUnreachable: it did not shut down in two minutes.
        """
        hold = self._hold
        if hold is None:
            return
        try:
            hold.shutdown(socket.SHUT_WR)
            # The keeper hangs up at once when others remain, else when the server is down.
            if not _ended(hold, wait=_STOP_PATIENCE):
                msg = f"PostgreSQL on {self._folder.root} does not shut down: see {self._folder.log}."
                raise DatabaseUnreachable(msg)
        except OSError:  # the keeper has gone before us
            pass
        finally:
            self._drop()

    def __enter__(self) -> Urls:
        """Start, and hand out how to reach it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _drop(self) -> None:
        if self._hold is not None:
            self._hold.close()
        self._hold = self._urls = None

    def _join(self, *, deadline: float) -> tuple[socket.socket, State, bool]:
        """Hold a server: the one that runs, else one of our own making.

        The lock decides between those who come at once. It is also busy while a server that died is still being
        cleared away, or is being built by another: then we look again.
        """
        while True:
            found = attach(self._folder)
            if found:
                return *found, False
            lock = self._folder.try_lock()
            if lock is not None:
                try:
                    account = account_for(self._folder.cluster)
                    binaries = find(self._binaries, account=account)
                    make_ready(self._folder, binaries=binaries, account=account, lock=lock)
                    return *launch(self._folder, binaries=binaries, account=account, lock=lock), True
                finally:
                    os.close(lock)
            if time.monotonic() > deadline:
                msg = (
                    f"Another process holds the database in {self._folder.root}, but it cannot be reached: end that "
                    "process, or run both in the same container and service sandbox."
                )
                raise DatabaseUnreachable(msg)
            time.sleep(_GLANCE)

    def _await_ready(self, hold: socket.socket, *, url: str) -> bool:
        """Wait until the server takes a connection; False if it ended instead."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError as exc:
                said = str(exc)
                if "password authentication failed" in said:
                    msg = (
                        f"The passwords in {self._folder.secrets} are not those of the database beside it: put the "
                        "right file back, or stop every Ebbtide process, remove it, and start again for new passwords."
                    )
                    raise DatabaseUnreachable(msg) from exc
                if "the database system is" in said:  # starting up, in recovery: it lives, and recovery takes its time
                    deadline = time.monotonic() + PATIENCE
                if _ended(hold, wait=_GLANCE):
                    return False
                if time.monotonic() > deadline:
                    msg = f"PostgreSQL on {self._folder.root} does not answer: {self._folder.last_words()}"
                    raise DatabaseUnreachable(msg) from exc
            else:
                return True


@contextmanager
def open_database(data: Path, *, binaries: Path | None = None) -> Iterator[Urls]:
    """Use the embedded database on a data folder for the duration of a `with`.

    Args:
        data: the Ebbtide data folder.
        binaries: bin folder of an installed PostgreSQL >= 15, instead of the wheel's.

    Yields:
        How to reach it.

    Raises:
        Refused: folder, programs or user do not fit.
        DatabaseUnreachable: the server does not come up or does not answer.
    """
    with EmbeddedPostgres(data, binaries=binaries) as urls:
        yield urls


def _ended(hold: socket.socket, *, wait: float) -> bool:
    """Tell whether the keeper has hung up, waiting up to `wait` seconds for it."""
    readable, _, _ = select.select([hold], [], [], wait)
    if not readable:
        return False
    with contextlib.suppress(ConnectionError):
        return not hold.recv(1, socket.MSG_PEEK)
    return True


def _urls(passwords: dict[str, str], *, state: State) -> Urls:
    # require_auth: whatever listens there, it never gets a password in the clear.
    def url(key: str) -> str:
        where = f"host={state.socket_dir}&port={state.port}&require_auth=scram-sha-256"
        return f"postgresql://{ROLES[key]}:{passwords[key]}@/ebbtide?{where}"

    return Urls(owner=url("owner"), web=url("web"), sweep=url("sweep"), superuser=url("superuser"))
