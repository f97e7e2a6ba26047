"""The process that stands between PostgreSQL and everybody who uses it. Run by path, never imported by the product.

    python -I -S keeper.py keep SPEC          become the keeper of one server, in the background
    python -I -S keeper.py step SPEC ARGV...  drop privileges, tie the life to the caller, become ARGV

Why a process of its own: two short commands share one server, and the one that started it may end first. So no user
may own the server. The keeper owns it and holds nothing else: every user holds one connection to it. The kernel
closes that connection however the user ends, kill -9 included; when the last one closes, the keeper shuts the server
down and goes. Kill the keeper, and PostgreSQL gets PDEATHSIG from the kernel. Kill the postmaster, and its children
notice and leave, and so does the keeper. No order of killing leaves a process.

Why only the standard library, without `site`: it starts in 15 ms, stays small, and stays the same whatever is
installed around it. It must stay single-threaded, because PDEATHSIG follows the *thread* that forked.
"""

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PATIENCE = 60.0  # seconds a fast shutdown may take (its checkpoint writes all shared buffers) before an immediate one


def become(argv: list[str], *, uid: int, gid: int, parent: int, death: int) -> NoReturn:
    """Turn this process into `argv`, run by `uid`, that gets the signal `death` when its parent goes.

    Args:
        argv: program (absolute path) and arguments.
        uid: user to run as; changed only when we are root.
        gid: that user's group.
        parent: process id of the parent whose death counts.
        death: signal number.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which would clear it; before the look at the parent, which may have gone in between.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - an argument list is the point: no shell


def keep(spec: dict[str, Any]) -> int:
    """Go into the background, run PostgreSQL while anybody is connected, then stop it.

    Args:
        spec: `argv`, `uid`, `gid` of PostgreSQL; descriptors `lock` (the server lock, inherited by every server
            process, so that it is free only when all are gone), `data` (the cluster), `listener`, `first` (the
            starter's connection), `sockets` (the socket folder), `folder` (the data folder); `socket_dir`, the path of
            the first, and `state`, a name in the second, both to be cleared at the end.

    Returns:
        The exit status: 0.
    """
    if os.fork():
        os._exit(0)  # so that nobody has us as a child: no zombie, no waiting, whoever started us
    os.setsid()  # out of the terminal's reach: Ctrl-C is for the users, we go when they have gone
    for number in (spec["listener"], spec["first"], spec["sockets"], spec["folder"]):
        os.set_inheritable(number, False)
    bell, rope = socket.socketpair()
    rope.setblocking(False)
    bell.setblocking(False)
    signal.set_wakeup_fd(rope.fileno())
    # Blocked, and so inherited until the postmaster is ready to hear it: when all users go while it is still starting,
    # our SIGINT must wait for its ears, not fall to the handler of a Python that is about to exec.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Handlers, not SIG_IGN: exec puts handlers back to default, but PostgreSQL would inherit "ignore".
    for quiet in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(quiet, lambda *_: None)
    keeper = os.getpid()
    postgres = os.fork()
    if not postgres:
        signal.set_wakeup_fd(-1)
        # Immediate shutdown: the surest end for a server without a keeper; the next start recovers from the WAL.
        become(spec["argv"], uid=spec["uid"], gid=spec["gid"], parent=keeper, death=signal.SIGQUIT)
    farewell = _serve(
        postgres, bell=bell, listener=socket.socket(fileno=spec["listener"]), first=socket.socket(fileno=spec["first"])
    )
    _clear(spec)
    for user in farewell:  # only now, when everything is cleared: this is what the last user waits for
        user.close()
    return 0


def _serve(postgres: int, *, bell: socket.socket, listener: socket.socket, first: socket.socket) -> list[socket.socket]:
    """Return when PostgreSQL has ended, by itself or because the last user has gone; hand back who is connected."""
    calls = selectors.DefaultSelector()
    listener.setblocking(False)
    users = {first}
    for each in (bell, listener, first):
        calls.register(each, selectors.EVENT_READ)
    left: list[socket.socket] = []
    # WNOWAIT leaves it a zombie until we exit: its number cannot pass to a stranger while we may still signal it.
    while os.waitid(os.P_PID, postgres, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        stopping = not users
        ready = calls.select(PATIENCE if stopping else None)
        if stopping and not ready:
            os.kill(postgres, signal.SIGQUIT)
        for key, _ in ready:
            if key.fileobj is bell:
                with contextlib.suppress(BlockingIOError):
                    bell.recv(4096)
            elif key.fileobj is listener:
                with contextlib.suppress(OSError):  # gone already
                    user, _ = listener.accept()
                    user.send(b"+")
                    users.add(user)
                    calls.register(user, selectors.EVENT_READ)
            else:
                left += [user for user in users if user is key.fileobj]
                calls.unregister(key.fileobj)
                users.difference_update(left)
        if users:
            while left:
                left.pop().close()
        elif not stopping:
            # Whoever waits at the door is turned away and starts a server of their own. Those who left last stay
            # connected: our end tells them that the server is down.
            calls.unregister(listener)
            listener.close()
            os.kill(postgres, signal.SIGINT)
    return [*users, *left]


def _clear(spec: dict[str, Any]) -> None:
    """Remove what told others where the server was; then give up the lock, last."""
    with contextlib.suppress(OSError):
        os.unlink(spec["state"], dir_fd=spec["folder"])
    # By descriptor: as root we must not follow a path through a folder that another user owns.
    for name in os.listdir(spec["sockets"]):  # noqa: PTH208 - pathlib knows no descriptors
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=spec["sockets"])
    with contextlib.suppress(OSError):
        os.rmdir(spec["socket_dir"])  # noqa: PTH106 - pathlib is slow to start, and this process is all start
    os.close(spec["lock"])


def main(argv: list[str]) -> int:
    """Do what the command line says; see the module's docstring."""
    verb, spec = argv[1], json.loads(argv[2])
    if verb == "keep":
        return keep(spec)
    become(argv[3:], uid=spec["uid"], gid=spec["gid"], parent=spec["parent"], death=signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
