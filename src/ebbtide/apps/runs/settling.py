"""Settling: finished days' partitions written anew by the database, sorted, without the dead rows of earlier deletions.

Pieces of the index of words are written anew beside them, where deletions left something (apps/media/sql/pieces.sql).

Nothing is deleted here: rows are copied, counted and exchanged for their old files, all in one function
(apps/insights/sql/settle.sql). A day that somebody else is at is left for the next time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import structlog
from django.db import connections

from ebbtide.apps.media.words import worn_pieces, write_anew
from ebbtide.apps.orgs.database import SWEEP, as_platform, mapped_errors
from ebbtide.apps.runs.models import Platform
from ebbtide.apps.runs.services import Stop, never
from ebbtide.domain.errors import CellsDrifted, SwitchOn, Taken

log = structlog.get_logger(__name__)

_SETTLING = 7_105
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A finished day whose partitions want to be written anew.

    Attributes:
        day: the day.
        why: `fresh` (never settled), `late` (rows came since), `residue` (deletions left dead rows), `empty`.
    """

    day: date
    why: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a day, or of a piece of the index of words.

    Attributes:
        day: the day; None of a piece.
        items: rows in it.
        done: `settled`, `dropped` (nothing was left in it), `taken` or `drifted` (left as it was).
        piece: the piece's number; None of a day.
    """

    day: date | None
    items: int
    done: str
    piece: int | None = None


def unsettled() -> list[Unsettled]:
    """Find the finished days whose partitions want to be written anew, oldest first."""
    with as_platform(using=SWEEP) as cursor:
        cursor.execute("SELECT day, why FROM insights_unsettled()")
        return [Unsettled(*row) for row in cursor.fetchall()]


def settle_day(day: date) -> Settled:
    """Write one finished day anew, sorted; readers and writers of other days go on.

    Raises:
        InputInvalid: there is no partition of the day, or it has not ended everywhere for a day.
        Taken: somebody else was always first.
        CellsDrifted: cells and rows disagree; nothing was changed.
    """
    with mapped_errors(), connections[SWEEP].cursor() as cursor:  # no block around it: it is a transaction by itself
        cursor.execute("SELECT items, done FROM insights_settle(%s)", [day])
        return Settled(day, *cursor.fetchone())


def settle_due(*, stop: Stop = never) -> Iterator[Settled]:
    """Settle all days that want it, then pieces of the index of words; by one process at a time.

    Nothing is settled while the kill switch is on. What cannot be settled now is told and passed by.

    Args:
        stop: whether the process should end; asked before each.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with _alone() as is_alone:
        due: list[date | int] = [*(one.day for one in unsettled()), *worn_pieces()] if is_alone else []
        for what in due:
            if stop() or Platform.objects.using(SWEEP).filter(id=1, stopped=True).exists():
                return
            yield _tried(what)


def _tried(what: date | int) -> Settled:
    """Settle a day, or the piece with this number."""
    day, piece = (what, None) if isinstance(what, date) else (None, what)
    try:
        return settle_day(what) if isinstance(what, date) else Settled(None, write_anew(what), "settled", what)
    except Taken:
        return Settled(day, 0, "taken", piece)
    except CellsDrifted as exc:
        log.warning("not settled", day=str(day), piece=piece, reason=exc.message)
        return Settled(day, 0, "drifted", piece)


def refuse_while_stopped() -> None:
    """Refuse to write anything anew while the kill switch is on: what may have gone wrong stays to be seen.

    Raises:
        SwitchOn: it is on.
    """
    platform = Platform.objects.using(SWEEP).get(id=1)
    if platform.stopped:
        raise SwitchOn(f"The platform's kill switch is on ({platform.stopped_reason}): no day is settled meanwhile.")


@contextmanager
def _alone() -> Iterator[bool]:
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SETTLING, _NOBODY])
        got: bool = cursor.fetchone()[0]
        try:
            yield got
        finally:
            if got:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SETTLING, _NOBODY])
