"""The processes that stay: web, worker, and both at once."""

import ctypes
import errno
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import structlog
import typer
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from ebbtide.apps.accounts import set_up
from ebbtide.apps.orgs.database import connect
from ebbtide.apps.orgs.selectors import organizations
from ebbtide.cli.session import Session, command, configure_log, database
from ebbtide.cli.stopping import stop_asked
from ebbtide.cli.supervisor import Child, ebbtide, supervise
from ebbtide.cli.working import GRACE_S, work
from ebbtide.domain.errors import InputInvalid, Unreachable
from ebbtide.pg.launcher import EmbeddedPostgres
from ebbtide.web.address import PORT, address_of

log = structlog.get_logger(__name__)

REQUESTS_AT_ONCE = 8
"""Threads of the web server; each keeps a connection of its own to the database."""
_WEB_PATIENCE_S = 8
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_PR_SET_PDEATHSIG = 1

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]
Concurrency = Annotated[int, typer.Option(help="Organizations that run at once.", min=1, max=32)]


def register(root: typer.Typer) -> None:
    """Add the commands that stand alone."""
    command(root, "up", needs_database=False)(up)
    command(root, "web", needs_database=False)(web)
    command(root, "worker", needs_database=False)(worker)


def refuse_taken_port(host: str, *, port: int) -> None:
    """Refuse an address that cannot be listened on, before anything is started.

    Raises:
        InputInvalid: the port is taken or reserved, or the address is none of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as exc:
        raise InputInvalid(
            f"{host!r} is no address: give one of this machine's, e.g. 127.0.0.1.", field="host"
        ) from exc
    with socket.socket(family, kind) as probe:
        # Without SO_REUSEPORT, which the web server sets: two of them would share a port and nobody would notice.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise InputInvalid(
                    f"Port {port} of {host} is taken by another program: choose another with --port.", field="port"
                ) from exc
            if exc.errno == errno.EACCES:
                raise InputInvalid(
                    f"Port {port} is reserved for the system's administrator: choose one above 1023 with --port.",
                    field="port",
                ) from exc
            raise InputInvalid(
                f"{host} cannot be listened on ({exc.strerror}): give an address of this machine with --host.",
                field="host",
            ) from exc


def _application(target: str) -> Callable[..., Any]:
    """Give the WSGI application, inside the web server's own process, which has to find the database by itself."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if settings.EBBTIDE_EMBEDDED:
        urls = EmbeddedPostgres(settings.EBBTIDE_DATA, binaries=settings.EBBTIDE_POSTGRES_BIN).start()
        connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    application: Callable[..., Any] = import_string(target)
    return application


def web(session: Session, host: Host = "127.0.0.1", port: Port = PORT) -> None:
    """Serve the web interface."""
    refuse_taken_port(host, port=port)
    console = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}
    with database():
        _tell_set_up(session, host=host, port=port)
        connections.close_all()  # the server forks: connections do not survive that
        server = Granian(
            settings.WSGI_APPLICATION,
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            blocking_threads=REQUESTS_AT_ONCE,
            workers_kill_timeout=_WEB_PATIENCE_S // 2,
            respawn_failed_workers=True,
            log_level=LogLevels.error,  # its warnings are advice on threads
            log_dictconfig={"handlers": {"console": console, "access": console}},
        )
        session.say(f"Serving http://{host}:{port}/")
        server.serve(target_loader=_application)


def worker(session: Session, concurrency: Concurrency = 2) -> None:
    """Run every organization's night at its time, until told to end; ends after the batch it is at."""
    configure_log(logging.INFO)
    stopping = threading.Event()
    pause, served = _FIRST_PAUSE_S, False
    while not stopping.is_set():
        since = time.monotonic()
        try:
            with database():
                connections.close_all()
                if not served:
                    session.say(f"Watching the nights, {concurrency} at once.")
                served = True
                work(concurrency=concurrency, clock=session.clock, stopping=stopping)
        except Unreachable as exc:
            if not served:
                raise
            if time.monotonic() - since > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            log.warning("database unreachable", reason=exc.message, again_in_s=pause)
            stopping.wait(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)


def up(session: Session, host: Host = "127.0.0.1", port: Port = PORT, concurrency: Concurrency = 2) -> None:
    """Run everything in one: database, web interface and worker, until Ctrl-C."""
    refuse_taken_port(host, port=port)
    with stop_asked() as stop, database():
        _first_steps(session)
        serve_all(session, host=host, port=port, concurrency=concurrency, stop=stop)


def serve_all(session: Session, *, host: str, port: int, concurrency: int, stop: Callable[[], bool]) -> None:
    """Keep web interface and worker running until asked to stop; expects an open database.

    Args:
        session: the command.
        host: address of the web interface.
        port: its port.
        concurrency: organizations that run at once.
        stop: whether to end.

    Raises:
        Refused: one of them refused to start.
    """
    connections.close_all()  # from here on only the children talk to the database; the server itself is held
    data = ["--data", str(session.data)]
    children = [
        Child(
            "web interface",
            ebbtide("web", "--host", host, "--port", str(port), *data),
            on_orphaned=signal.SIGTERM,
            patience_s=_WEB_PATIENCE_S,
        ),
        Child(
            "worker",
            ebbtide("worker", "--concurrency", str(concurrency), *data),
            on_orphaned=signal.SIGKILL,
            patience_s=GRACE_S + 15,
        ),
    ]
    told = False

    def tell_when_ready() -> None:
        nonlocal told
        if not told and _answers(host, port=port):
            told = True
            session.say(f"Ebbtide is at http://{host}:{port}/ (Ctrl-C ends it).")

    supervise(children, stop=stop, say=session.say, each_glance=tell_when_ready)
    session.say("Ended.")


def _answers(host: str, *, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _tell_set_up(session: Session, *, host: str, port: int) -> None:
    """Print the link by which the first operator is made, while there is none; `up` has its child do that."""
    if set_up.has_operator():
        return
    address = address_of(host, port=port, hosts=settings.ALLOWED_HOSTS, https=settings.SECURE_SSL_REDIRECT)
    link = set_up.make_link(address, now=session.clock.now())
    session.say("Nobody can sign in as operator yet. Open this link to become the operator (once, within 24 hours):")
    session.say(f"  {link}")


def _first_steps(session: Session) -> None:
    """Say what to do on a platform that has no organization yet."""
    data = f" --data {session.data}" if settings.EBBTIDE_EMBEDDED else ""
    if not organizations():
        session.say("There is no organization yet. Make the first one and its admin:")
        session.say(f"  ebbtide org create 'My Centre' --tz Europe/Berlin --onboarded 2024-05-01{data}")
        session.say(f"  ebbtide user create admin@example.org --org 'My Centre' --admin{data}")
