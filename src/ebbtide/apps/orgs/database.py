"""Transactions in one organization, and the one place where the database's errors become ours.

The organization is named to PostgreSQL for the length of a transaction only (`set_config(..., true)`): a setting of the
session would leak to whoever gets the pooled connection next, and row-level security would show them another's data.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper

from ebbtide.domain.errors import (
    Broken,
    Cancelled,
    CellsDrifted,
    DatabaseUnreachable,
    EbbtideError,
    EvidenceStale,
    InputInvalid,
    LateData,
    NotArmed,
    NotYours,
    PlanStale,
    SwitchOn,
    Taken,
    UnsafeRole,
)

WEB, SWEEP, OWNER = "default", "sweep", "owner"
"""Aliases of the three roles' connections."""

ERRORS: dict[str, tuple[type[EbbtideError], str]] = {
    "EB001": (SwitchOn, "Switch it off when deletion may go on."),
    "EB002": (Taken, "Look at it with `run show`."),
    "EB003": (Cancelled, "What it had not reached is left for the next night."),
    "EB004": (NotArmed, "Nothing further is deleted."),
    "EB005": (PlanStale, "Make a new plan."),
    "EB006": (Taken, "The run is taken up again by whoever holds it."),
    "EB007": (Taken, "Try again when it has ended."),
    "EB101": (Taken, "Look at the request as it is now."),
    "EB102": (EvidenceStale, "The organization has to ask anew, on a new simulation."),
    "EB103": (NotYours, "Look it up on its list."),
    "EB400": (InputInvalid, "Correct the date."),
    "EB403": (Broken, "No part of the product does this: find out what did."),
    "EB409": (LateData, "It is counted as late."),
    "EB500": (CellsDrifted, "Run `ebbtide reconcile`, then start the run again."),
    "40001": (Taken, "Try again."),
    "40P01": (Taken, "Try again."),
    "55P03": (Taken, "Try again."),
}
"""SQLSTATE -> our error, and the remedy put after the database's own words."""
_CHECK_FAILED = "23514"
"""Of a constraint, which is named then, or of a partitioned table that has no partition for a row."""


def connect(*, web: str, sweep: str, owner: str) -> None:
    """Point the three connections at a database.

    Args:
        web: PostgreSQL URL of the web role.
        sweep: of the sweep role.
        owner: of the owner.
    """
    for alias, url in ((WEB, web), (SWEEP, sweep), (OWNER, owner)):
        connections[alias].close()
        parts = settings.DATABASE_PARTS(url)
        connections.settings[alias].update(parts)  # for connections other threads make
        connections[alias].settings_dict.update(parts)


def translate(exc: Error) -> EbbtideError | None:
    """Turn a database error into ours; None for what is a fault in our code and must surface as such."""
    state = getattr(exc.__cause__, "sqlstate", None)
    if state in ERRORS:
        kind, remedy = ERRORS[state]
        said = getattr(getattr(exc.__cause__, "diag", None), "message_primary", None) or str(exc)
        return kind(f"{said[:1].upper()}{said[1:]}. {remedy}")
    if state == _CHECK_FAILED and getattr(getattr(exc.__cause__, "diag", None), "constraint_name", "") is None:
        return Taken("The day's partition was empty and has just been dropped. Try again.")
    if isinstance(exc, OperationalError | InterfaceError):
        return DatabaseUnreachable(
            f"PostgreSQL did not answer ({str(exc).strip().partition(chr(10))[0]}): check that it runs and that the "
            "connection settings are right."
        )
    return None


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raise our errors in place of the database's."""
    try:
        yield
    except Error as exc:
        ours = translate(exc)
        if ours is None:
            raise
        raise ours from exc


@contextmanager
def _scope(name: str, value: str, *, using: str) -> Iterator[CursorWrapper]:
    is_inner = connections[using].in_atomic_block
    with mapped_errors(), transaction.atomic(using=using), connections[using].cursor() as cursor:
        before = _read(name, cursor=cursor) if is_inner else ""
        if before != value:
            _set(name, value, cursor=cursor)
        yield cursor
        # an inner block ends before its transaction does: give the outer one its own scope back; an outermost one's
        # scope is local to its transaction, and ends with it
        if is_inner and before != value:
            _set(name, before, cursor=cursor)


def _read(name: str, *, cursor: CursorWrapper) -> str:
    cursor.execute("SELECT current_setting(%s, true)", [name])
    return cursor.fetchone()[0] or ""


def _set(name: str, value: str, *, cursor: CursorWrapper) -> None:
    cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def acting_in(org: int, *, using: str = WEB) -> AbstractContextManager[CursorWrapper]:
    """Open a transaction in which only this organization's rows exist; gives a cursor.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    return _scope("ebbtide.org", str(org), using=using)


@contextmanager
def seeing_one_moment(org: int) -> Iterator[CursorWrapper]:
    """Open a transaction in which only this organization's rows exist, all of them as of one moment; gives a cursor.

    For what is put together from several statements and must not change between them. Nothing may be open yet.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with mapped_errors(), transaction.atomic(using=WEB):
        with connections[WEB].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with acting_in(org) as cursor:
            yield cursor


def as_platform(*, using: str = WEB) -> AbstractContextManager[CursorWrapper]:
    """Open a transaction that sees every organization's head and runs, and no organization's data."""
    return _scope("ebbtide.platform", "on", using=using)


def as_person(user: int, *, using: str = WEB) -> AbstractContextManager[CursorWrapper]:
    """Open a transaction that sees a person's own memberships and those organizations' heads."""
    return _scope("ebbtide.user", str(user), using=using)


def refuse_unsafe_roles() -> None:
    """Refuse to start with roles that could see across organizations or delete past the purge functions.

    Raises:
        UnsafeRole: the web or sweep role is a superuser, may bypass row-level security, owns tables, or belongs to a
            role that does.
    """
    for alias in (WEB, SWEEP):
        with mapped_errors(), connections[alias].cursor() as cursor:
            cursor.execute(
                """
                SELECT current_user, r.rolname,
                    CASE WHEN r.rolsuper THEN 'is a superuser' WHEN r.rolbypassrls THEN 'bypasses row-level security'
                         ELSE 'owns the tables' END
                FROM pg_roles r
                WHERE pg_has_role(current_user, r.oid, 'MEMBER') AND (r.rolsuper OR r.rolbypassrls
                    OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p')
                        AND c.relnamespace = 'public'::regnamespace))
                LIMIT 1
                """
            )
            found = cursor.fetchone()
        if found is not None:
            user, role, what = found
            through = "" if role == user else f" through {role}, which"
            raise UnsafeRole(
                f"The {alias} database role {user}{through} {what}: connect with a role made as docs/database.md "
                "shows.",
                field="DATABASE_URL" if alias == WEB else "EBBTIDE_SWEEP_URL",
            )
