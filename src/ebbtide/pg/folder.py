"""The files we keep in the data folder around the cluster, and the one lock.

    pg/               the cluster           pg.lock          held by every process of the server, and while building
    pg.part/          one being built       pg-state.json    where the running server listens
    pg-secrets.json   passwords, 0600       pg.log, pg.log.1 the server's talk

Why one lock, inherited by descriptor: a flock belongs to the open file, so it is free exactly when initdb, the keeper,
the postmaster and all of its children are gone. Whoever gets it knows, from the kernel and not from a pid file, that
no server of ours lives on this folder.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ebbtide.domain.errors import DatabaseUnreachable, Refused

LOG_LIMIT = 10 * 1024 * 1024  # bytes, looked at when a server starts
_PEOPLE_CAN_MEND = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP,
    errno.ENAMETOOLONG, errno.ENOENT,
}  # fmt: skip


@contextlib.contextmanager
def plainly(path: Path) -> Iterator[None]:
    """Turn what the operating system says about the data folder into an error a person can act on.

    Args:
        path: the data folder.

    Raises:
        Refused: not a folder, not ours, not writable.
        DatabaseUnreachable: the disk is full or failing.
    """
    try:
        yield
    except OSError as exc:
        what = f"{exc.strerror or exc}" + (f" ({exc.filename})" if exc.filename else "")
        if exc.errno in _PEOPLE_CAN_MEND:
            msg = f"The data folder {path} cannot be used: {what}. Choose a folder that you own and may write to."
            raise Refused(msg, field="data") from exc
        msg = f"The data folder {path} failed: {what}. Free some space or check the disk, then try again."
        raise DatabaseUnreachable(msg) from exc


@dataclass(frozen=True)
class State:
    """Where a running server listens.

    Args:
        socket_dir: folder of the server's and the keeper's socket.
        port: number in the name of the server's socket; no TCP port is open.
    """

    socket_dir: Path
    port: int


@dataclass(frozen=True)
class Folder:
    """The data folder, as far as the database is concerned.

    Args:
        root: the data folder itself.
    """

    root: Path

    @property
    def cluster(self) -> Path:
        """Where PostgreSQL keeps its data."""
        return self.root / "pg"

    @property
    def part(self) -> Path:
        """A cluster under construction; whatever is found here was interrupted."""
        return self.root / "pg.part"

    @property
    def secrets(self) -> Path:
        """The passwords of the four roles."""
        return self.root / "pg-secrets.json"

    @property
    def state(self) -> Path:
        """Where the running server listens."""
        return self.root / "pg-state.json"

    @property
    def log(self) -> Path:
        """What PostgreSQL says."""
        return self.root / "pg.log"

    def prepare(self) -> None:
        """Make the folder if it is missing, closed to others; leave the modes of existing ones alone."""
        if not self.root.is_dir():
            self.root.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # a neighbour was first; a file in its place fails in open
                self.root.mkdir(mode=0o700)
        if self.cluster.exists() and not self.cluster.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.cluster))

    def open(self, path: Path, *, flags: int) -> int:
        """Open one of our files, making it 0600 and the folder's owner's; links are not followed.

        Args:
            path: a direct child of the folder.
            flags: of open(2), besides O_CREAT.

        Returns:
            A descriptor that is not inherited.
        """
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:  # what root makes in a user's folder must not lock that user out
            owner = self.root.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    def try_lock(self) -> int | None:
        """Take the server lock if it is free.

        Returns:
            The descriptor that holds it, or None.
        """
        descriptor = self.open(self.root / "pg.lock", flags=os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def write(self, path: Path, *, content: dict[str, object]) -> None:
        """Replace a small JSON file as a whole; it survives a power cut old or new.

        Args:
            path: a direct child of the folder.
            content: what it shall say.
        """
        part = path.with_name(path.name + ".part")
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        with os.fdopen(self.open(part, flags=os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        self.settle()

    def settle(self) -> None:
        """Make renames in the folder durable."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read_state(self) -> State | None:
        """Read where the running server listens, if one has said so and can be trusted.

        Returns:
            None where there is no state, or where its socket folder is not the server's own: in a folder that all
            may write, a stranger could have made one of that name after a restart of the machine.
        """
        try:
            said = json.loads(self.state.read_text(encoding="utf-8"))
            state = State(socket_dir=Path(said["socket_dir"]), port=int(said["port"]))
            found = state.socket_dir.lstat()
            owner = self.cluster.stat().st_uid
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        own = stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077
        return state if own else None

    def open_log(self) -> int:
        """Open the log for appending, after setting a big one aside.

        Returns:
            A descriptor.
        """
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.rename(self.log.with_name("pg.log.1"))
        return self.open(self.log, flags=os.O_WRONLY | os.O_APPEND)

    def last_words(self) -> str:
        """Quote the last line of the log that says why, for an error message."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 4096))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return ""
        # "The database system is starting up" was said to us, who knocked too early; "terminating connection" to those
        # whose connection the end before this start cut off.
        ours = ("the database system is", "terminating connection due to administrator command")
        lines = [line for line in lines if not any(words in line for words in ours)]
        grave = [line for line in lines if "FATAL:" in line or "PANIC:" in line] or lines
        return grave[-1].strip() if grave else ""
