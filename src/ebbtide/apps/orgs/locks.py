"""Advisory locks: who carries a run, and when objects in flight have come to rest.

They belong to a connection, so that a process that dies, however it dies, gives them back at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from django.db import OperationalError, connections

from ebbtide.apps.orgs.database import SWEEP, WEB, mapped_errors
from ebbtide.engine.split import Part

_TURNSTILE, _RUN, _HELPERS, _EXPORT = 7_101, 7_102, 7_104, 7_109
_PLATFORM = 0
_EPOCH = date(1970, 1, 1)
_ROWS = 0xFFF
_CANARY = "15s"
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def turnstile(org: int, *, using: str = SWEEP) -> Iterator[None]:
    """Be in flight: outside a transaction, destroying objects that were decided on a moment ago."""
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [_TURNSTILE, _PLATFORM])
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [_TURNSTILE, org])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [_TURNSTILE, org])
            cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [_TURNSTILE, _PLATFORM])


def wait_until_at_rest(org: int | None, *, using: str = WEB) -> None:
    """Wait until no object of the organization (None: of any) is in flight.

    Called after a flag, switch or job was changed and that was committed: what was decided before is then finished, and
    nothing new is decided. Batches of rows hold the same lock until their transaction ends.

    Raises:
        RuntimeError: called inside a transaction; it would wait for batches that wait for it.
    """
    if connections[using].in_atomic_block:
        raise RuntimeError("a change must be committed before anybody waits for what went before it")
    lock = [_TURNSTILE, _PLATFORM if org is None else org]
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


@contextmanager
def carrying(run: int, *, using: str = SWEEP) -> Iterator[bool]:
    """Hold a run; False where another living process holds it."""
    lock = [_RUN, run]
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", lock)
        held: bool = cursor.fetchone()[0]
        try:
            yield held
        finally:
            if held:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


@contextmanager
def helping(run: int, *, using: str = SWEEP) -> Iterator[bool]:
    """Be one of a run's helpers; False where its carrier wants to be alone, and for longer than a canary takes."""
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [_CANARY])
        try:
            cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", [_HELPERS, run])
        except OperationalError as exc:
            if getattr(exc.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            yield False
            return
        finally:
            cursor.execute("SELECT set_config('lock_timeout', '0', false)")
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", [_HELPERS, run])


@contextmanager
def alone_at(run: int, *, using: str = SWEEP) -> Iterator[bool]:
    """Keep helpers away from a run; False where one is at it."""
    with _tried("pg_try_advisory_lock", "pg_advisory_unlock", [_HELPERS, run], using=using) as held:
        yield held


@contextmanager
def making(export: int, *, using: str = SWEEP) -> Iterator[bool]:
    """Hold an export while it is made; False where another living process holds it."""
    with _tried("pg_try_advisory_lock", "pg_advisory_unlock", [_EXPORT, export], using=using) as held:
        yield held


@contextmanager
def at_part(run: int, part: Part, *, using: str = SWEEP) -> Iterator[bool]:
    """Hold a part of a run; False where another living worker holds it."""
    piece = _ROWS if part.slice is None else part.slice
    key = (run & 0x7FFFFFFF) << 32 | ((part.first - _EPOCH).days & 0xFFFFF) << 12 | piece
    with _tried("pg_try_advisory_lock", "pg_advisory_unlock", [key], using=using) as held:
        yield held


@contextmanager
def _tried(take: str, give: str, key: list[int], *, using: str) -> Iterator[bool]:
    places = ", ".join(["%s"] * len(key))
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {take}({places})", key)
        held: bool = cursor.fetchone()[0]
        try:
            yield held
        finally:
            if held:
                cursor.execute(f"SELECT {give}({places})", key)


def workers_at(run: int, *, using: str = SWEEP) -> int:
    """Count the workers that are at a run: its carrier and its helpers."""
    return _count("l.objid = %s", [run], using=using)


def workers_at_work(*, using: str = SWEEP) -> int:
    """Count the workers that are at any run of this database."""
    return _count("true", [], using=using)


def _count(which: str, values: list[int], *, using: str) -> int:
    # a carrier that wants to be alone holds both locks: counted by their sessions
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
                AND l.classid IN ({_RUN}, {_HELPERS}) AND l.objsubid = 2 AND {which}
            """,  # noqa: S608 - the two conditions above
            values,
        )
        count: int = cursor.fetchone()[0]
    return count


def is_carried(run: int, *, using: str = SWEEP) -> bool:
    """Whether a living process holds the run; only looks, so that looking stands in nobody's way."""
    return _is_held(_RUN, run, using=using)


def is_made(export: int, *, using: str = SWEEP) -> bool:
    """Whether a living process is making the export."""
    return _is_held(_EXPORT, export, using=using)


def _is_held(kind: int, number: int, *, using: str) -> bool:
    with mapped_errors(), connections[using].cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
                    AND l.classid = %s AND l.objid = %s AND l.objsubid = 2)
            """,
            [kind, number],
        )
        found: bool = cursor.fetchone()[0]
    return found
