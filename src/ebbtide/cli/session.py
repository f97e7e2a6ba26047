"""What every command shares: the data folder, the database for its duration, its output, and how its errors end.

Data goes to standard output, talk to standard error; `--format json` changes the data's form and nothing else.
"""

import functools
import getpass
import inspect
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from django.conf import settings
from django.db import connections
from rich.console import Console
from rich.table import Table

from ebbtide.apps.orgs.database import connect, refuse_unsafe_roles
from ebbtide.apps.runs.schema import migrate, pending
from ebbtide.domain.errors import EbbtideError, InputInvalid
from ebbtide.engine.clock import Clock, SystemClock
from ebbtide.pg.launcher import open_database

PIPED_COLUMNS = 250
"""Columns of a table that is read by no terminal."""
SHORT = 16
"""Cells up to so many characters (ids, dates, outcomes) are never cut or broken; longer ones fold."""


class Format(StrEnum):
    """How a command writes its data."""

    TEXT = "text"
    JSON = "json"


def _plain(value: object) -> object:
    """Write dates, moments and bytes as JSON knows them."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Session:
    """One command: where it works, what time it is, and how it speaks."""

    def __init__(self, *, format: Format) -> None:
        self.format = format
        self.clock: Clock = SystemClock()
        self.out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
        self.err = Console(stderr=True, soft_wrap=True, highlight=False)

    @property
    def data(self) -> Path:
        """The data folder."""
        folder: Path = settings.EBBTIDE_DATA
        return folder

    @property
    def actor(self) -> str:
        """Who is named in histories as having done this."""
        return f"operator {getpass.getuser()}"

    @property
    def is_json(self) -> bool:
        """Whether a machine reads the output."""
        return self.format is Format.JSON

    def say(self, text: str) -> None:
        """Talk to the person; never data."""
        self.err.print(text, markup=False)

    def emit(self, value: object, *, text: Callable[[], None]) -> None:
        """Write the command's data: as JSON, or as `text` writes it."""
        if self.is_json:
            json.dump(value, sys.stdout, default=_plain, ensure_ascii=False)
            sys.stdout.write("\n")
        else:
            text()

    def line(self, text: str) -> None:
        """Write one line of data for a person."""
        self.out.print(text, markup=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
        """Write a table for a person; numbers right-aligned and grouped. `empty` is said where there are no rows."""
        listed = [list(row) for row in rows]
        if not listed:
            self.line(empty)
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            number = all(isinstance(row[index], int) for row in listed)
            short = number or all(len(str(row[index] or "")) <= SHORT for row in listed)
            table.add_column(column, justify="right" if number else "left", no_wrap=short, overflow="fold")
        for row in listed:
            table.add_row(
                *[f"{cell:,}" if isinstance(cell, int) else "" if cell is None else str(cell) for cell in row]
            )
        self.out.print(table)


@contextmanager
def database() -> Iterator[None]:
    """Have a database for the length of a command: the one of DATABASE_URL, or the embedded one of the data folder.

    An embedded database is brought up to date by itself; a real one is the operator's to migrate.

    Raises:
        InputInvalid: a real database's tables are not those of this version.
        UnsafeRole: a role could bypass row-level security.
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    if settings.EBBTIDE_EMBEDDED:
        with open_database(settings.EBBTIDE_DATA, binaries=settings.EBBTIDE_POSTGRES_BIN) as urls:
            connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
            if pending():
                migrate()
            refuse_unsafe_roles()
            try:
                yield
            finally:
                connections.close_all()
        return
    if pending():
        raise InputInvalid(
            "The database's tables are not those of this version: run `ebbtide migrate` first.", field="DATABASE_URL"
        )
    refuse_unsafe_roles()
    yield


def fail(error: EbbtideError, *, format: Format) -> typer.Exit:
    """Tell an error and give the exit it ends with."""
    if format is Format.JSON:
        told = {"error": error.code, "message": error.message, "field": error.field, **error.facts}
        sys.stderr.write(json.dumps(told, default=str, ensure_ascii=False) + "\n")
    else:
        where = f"{error.field}: " if error.field else ""
        sys.stderr.write(f"{where}{error.message}\n")
    return typer.Exit(error.exit_code)


DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder (EBBTIDE_DATA; default: ./data).", file_okay=False, show_default=False),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the data is written.")]


def command(
    app: typer.Typer, name: str, *, needs_database: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command: its first parameter is the session; --data and --format are added to the others.

    Args:
        app: the group it belongs to.
        name: its name on the command line.
        needs_database: whether a database is opened for its duration.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def wrapped(*args: Any, data: Path | None = None, format: Format = Format.TEXT, **kwargs: Any) -> None:
            del data  # read before Django was started (cli/main.py)
            session = Session(format=format)
            try:
                if needs_database:
                    with database():
                        function(session, *args, **kwargs)
                else:
                    function(session, *args, **kwargs)
            except EbbtideError as error:
                raise fail(error, format=format) from error
            except KeyboardInterrupt:
                raise typer.Exit(128 + signal.SIGINT) from None

        own = [parameter for index, parameter in enumerate(inspect.signature(function).parameters.values()) if index]
        shared = [
            inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=DataOption),
            inspect.Parameter("format", inspect.Parameter.KEYWORD_ONLY, default=Format.TEXT, annotation=FormatOption),
        ]
        wrapped.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {one.name: one.annotation for one in [*own, *shared]}
        app.command(name)(wrapped)
        return wrapped

    return register


def configure_log(level: int = logging.WARNING) -> None:
    """Send the log to standard error, one line an event; values that could be personal are never logged.

    Args:
        level: commands tell their result themselves, so only warnings interrupt them; a worker logs each night (INFO).
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
