"""Who listened to, read, downloaded or exported what: written down by whoever gives it out, in one way.

The log outlives what it tells of, so nothing in it may be a customer's: a recording is named by its segment's id, the
keyed hash that the register of seen segments keeps too (ADR 7), and everything else by words of the product. What
somebody searched for, addresses and file names are never written here.

Functions expect an open transaction in the organization.
"""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db import connections
from django.db.models import QuerySet

from ebbtide.apps.accounts.models import DataAccess
from ebbtide.apps.orgs.database import WEB
from ebbtide.domain.calendar import night_start, parse_zone
from ebbtide.domain.cell import DataType

ONE_SITTING = timedelta(minutes=15)
"""A player asks for a recording piece by piece; what comes within so long of a line of the same kind belongs to it."""


class Deed(StrEnum):
    """What was done with data: what stays in the browser, and what leaves it."""

    LISTEN = "listen"
    READ = "read"
    DOWNLOAD = "download"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who it was.

    Attributes:
        name: e-mail address of the person, or the name of the token.
        by_token: whether it was a program with a token.
    """

    name: str
    by_token: bool = False


def record(
    org: int,
    *,
    reader: Reader,
    deed: Deed,
    kind: DataType,
    now: datetime,
    segment: uuid.UUID | None = None,
    what: str = "",
    items: int | None = None,
) -> None:
    """Write one deed down; it stands if the transaction does.

    Args:
        org: the organization's number.
        reader: who.
        deed: what they did.
        kind: the data type.
        now: aware instant.
        segment: the segment's id, where it was one.
        what: the table, report or export it went out with; words of the product, never a customer's.
        items: how many segments or objects, where that is known.
    """
    DataAccess.objects.create(
        org_id=org,
        at=now,
        actor=reader.name,
        by_token=reader.by_token,
        action=deed,
        kind=kind,
        segment_id=segment,
        what=what,
        items=items,
    )


def record_sitting(
    org: int, *, reader: Reader, deed: Deed, kind: DataType, now: datetime, segment: uuid.UUID, what: str = ""
) -> bool:
    """Write down what comes in many requests once: the first of them, and again after a quarter of an hour.

    Returns:
        Whether a line was written.
    """
    with connections[
        WEB
    ].cursor() as cursor:  # players ask for two pieces at once: the second waits, and sees the first
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [f"{reader.name} {deed} {what} {segment}", org]
        )
    # leans on data_access_by_segment; of the same thing, so that another recording of the segment has its own line
    same = DataAccess.objects.filter(org_id=org, segment_id=segment, action=deed, kind=kind, what=what)
    if same.filter(actor=reader.name, by_token=reader.by_token, at__gt=now - ONE_SITTING).exists():
        return False
    record(org, reader=reader, deed=deed, kind=kind, now=now, segment=segment, what=what)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """Which lines are wanted: empty strings and None narrow nothing.

    Attributes:
        deed: what was done.
        kind: the data type.
        segment: the segment's id.
        since, until: org-local days, both included.
    """

    deed: Deed | None = None
    kind: DataType | None = None
    segment: uuid.UUID | None = None
    since: date | None = None
    until: date | None = None


def accesses(*, org: int, zone: str, narrowed: Narrowed) -> QuerySet[DataAccess]:
    """Give the lines of an organization that are wanted."""
    rows = DataAccess.objects.filter(org_id=org)
    if narrowed.deed is not None:
        rows = rows.filter(action=narrowed.deed)
    if narrowed.kind is not None:
        rows = rows.filter(kind=narrowed.kind)
    if narrowed.segment is not None:
        rows = rows.filter(segment_id=narrowed.segment)
    if narrowed.since is not None:
        rows = rows.filter(at__gte=_midnight(narrowed.since, zone=zone))
    if narrowed.until is not None and narrowed.until < date.max:
        rows = rows.filter(at__lt=_midnight(narrowed.until + timedelta(days=1), zone=zone))
    return rows


def _midnight(day: date, *, zone: str) -> datetime:
    try:
        return night_start(day, zone=parse_zone(zone), at=datetime.min.time())
    except OverflowError:  # the first or last day there is, in a zone on the wrong side of Greenwich
        return datetime.combine(day, datetime.min.time(), tzinfo=parse_zone("UTC"))
