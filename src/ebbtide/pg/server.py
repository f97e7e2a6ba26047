"""Starting the server: its settings, its private socket folder, its keeper.

Settings go on the command line, not into postgresql.conf, so that a newer Ebbtide brings its own to an old folder.

Why the log hears no errors (`log_min_messages=log`, terse): messages and details of failed statements quote values
("Key (address)=(…) already exists"), and no personal value may reach a log. The application gets every error itself.
"""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from ebbtide.domain.errors import DatabaseUnreachable
from ebbtide.pg.account import Account
from ebbtide.pg.binaries import KEEPER, Binaries
from ebbtide.pg.folder import Folder, State

PORT = 5432  # only names the socket's file
_DOOR = "keeper"  # the keeper's socket, beside the server's
_SMALL_MACHINE = 4 * 1024**3  # bytes
_PREFIX = "ebbtide-pg-"


def attach(folder: Folder) -> tuple[socket.socket, State] | None:
    """Connect to the keeper of the server that runs on this folder, which keeps it running for us.

    Args:
        folder: the data folder.

    Returns:
        The connection to hold and where the server listens; None if no keeper answers.
    """
    state = folder.read_state()
    if state is None:
        return None
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.settimeout(5)
        door.connect(str(state.socket_dir / _DOOR))
        if door.recv(1):  # else it was just leaving
            return door, state
    except (FileNotFoundError, ConnectionError, TimeoutError):
        pass
    door.close()
    return None


def launch(folder: Folder, *, binaries: Binaries, account: Account, lock: int) -> tuple[socket.socket, State]:
    """Start the server and its keeper; they hold the lock on.

    Args:
        folder: the data folder, its cluster made.
        binaries: the programs.
        account: who runs them.
        lock: descriptor of the server lock; the caller closes its own.

    Returns:
        The connection to hold and where the server will listen; it is not ready yet.

    Raises:
        DatabaseUnreachable: no place for a socket, or the keeper did not start.
    """
    _clear_sockets(folder)
    with contextlib.ExitStack() as closing:

        def passed(descriptor: int) -> int:
            closing.callback(os.close, descriptor)
            return descriptor

        log = passed(folder.open_log())
        data = passed(os.open(folder.cluster, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
        home = passed(os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY))
        state = State(socket_dir=_make_socket_dir(), port=PORT)
        sockets = passed(os.open(state.socket_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))
        listener = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(state.socket_dir / _DOOR))
        listener.listen(64)
        if os.geteuid() == 0:
            os.fchown(sockets, account.uid, account.gid)
        folder.write(folder.state, content={"socket_dir": str(state.socket_dir), "port": state.port})
        mine, theirs = socket.socketpair()
        closing.enter_context(theirs)
        spec = {
            "argv": [str(binaries.bin / "postgres"), "-D", f"/proc/self/fd/{data}", *_settings(state)],
            "uid": account.uid, "gid": account.gid, "lock": lock, "data": data, "sockets": sockets,
            "listener": listener.fileno(), "first": theirs.fileno(),
            "socket_dir": str(state.socket_dir), "folder": home, "state": folder.state.name,
        }  # fmt: skip
        started = subprocess.run(
            [sys.executable, "-I", "-S", KEEPER, "keep", json.dumps(spec)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False, cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            pass_fds=[lock, data, home, sockets, listener.fileno(), theirs.fileno()],
        )  # fmt: skip
    if started.returncode != 0:
        mine.close()
        msg = f"The keeper of the database did not start: {folder.last_words()} (see {folder.log})."
        raise DatabaseUnreachable(msg)
    return mine, state


def _settings(state: State) -> list[str]:
    small = _memory() < _SMALL_MACHINE
    settings = {
        "cluster_name": "ebbtide",
        "listen_addresses": "",
        "port": str(state.port),
        "unix_socket_directories": str(state.socket_dir),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": "60",
        "shared_buffers": "128MB" if small else "512MB",
        "max_locks_per_transaction": "512",  # one statement may touch thousands of daily partitions
        "max_wal_size": "1GB" if small else "4GB",
        "wal_compression": "on",
        "wal_recycle": "off",  # a segment kept for reuse keeps what was purged
        "fsync": "on",
        "synchronous_commit": "on",
        "autovacuum": "on",
        "jit": "off",  # its compile time exceeds the run time of our short statements over many partitions
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] ",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _memory() -> int:
    """Return the bytes of memory we may use: the machine's, or less in a container."""
    least = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such limit here, or "max"
            least = min(least, int(Path(limit).read_text(encoding="ascii")))
    return least


def _make_socket_dir() -> Path:
    """Make a folder of an unguessable name, 0700, with a path short enough for a socket."""
    places = [Path("/tmp"), Path(tempfile.gettempdir())]  # noqa: S108 - mkdtemp below, in a sticky folder only
    if os.geteuid() == 0:
        places.insert(0, Path("/run"))
    for place in places:
        with contextlib.suppress(OSError):
            mode = place.stat().st_mode
            # In a folder that all may write, without the sticky bit, others could swap ours for theirs.
            if len(str(place)) > 60 or (mode & stat.S_IWOTH and not mode & stat.S_ISVTX):
                continue
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    msg = f"There is no place for the database's socket: none of {', '.join(map(str, places))} can be written to."
    raise DatabaseUnreachable(msg)


def _clear_sockets(folder: Folder) -> None:
    """Remove the socket folder that a killed keeper left, if it is provably ours and dead (we hold the lock)."""
    state = folder.read_state()
    if state is None or not state.socket_dir.name.startswith(_PREFIX):
        return
    with contextlib.suppress(OSError):
        directory = os.open(state.socket_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for name in (_DOOR, f".s.PGSQL.{state.port}", f".s.PGSQL.{state.port}.lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory)
        finally:
            os.close(directory)
        state.socket_dir.rmdir()
