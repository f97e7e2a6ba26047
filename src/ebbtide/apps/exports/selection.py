"""What is chosen for an export: days, Qs, data types and the format; and how much that is.

An address may name instead what a job takes, or what the coming night takes: then the choice is made of that, so that
whoever is about to lose something can keep it with two clicks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.conf import settings
from django.db import connections
from django.http import QueryDict

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.exports.models import FORMATS
from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.selectors import find_job, jobs, to_domain
from ebbtide.apps.runs.preview import Amounts, due_amounts
from ebbtide.domain.calendar import Days, parse_day
from ebbtide.domain.cell import OBJECT_TYPES, Amount, DataType
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import parse_id
from ebbtide.domain.job import Job, JobType, What

_USUAL = timedelta(days=29)
_NOT_YET = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is chosen.

    Attributes:
        first, last: org-local days, both included.
        queues: numbers of the Qs, in the order of numbers; never empty.
        types: data types; never empty.
        format: of report rows, csv or parquet.
    """

    first: date
    last: date
    queues: tuple[int, ...]
    types: tuple[DataType, ...]
    format: str

    @property
    def holds_recordings(self) -> bool:
        """Whether something in it needs more than the right to see reports."""
        return any(kind.is_object for kind in self.types)


@dataclass(slots=True)
class Chosen:
    """What stands in the form, and what is wrong with it.

    Attributes:
        first, last: as they were written.
        queues: numbers of the Qs that are ticked; empty means every one.
        types: data types that are ticked.
        format: csv or parquet.
        wrong: what to say at a field, by its name.
        selection: None where something is wrong.
        why: `job`, `night` or empty: what the choice was made of.
        job: the job it was made of, where there is one.
        nothing: whether that takes nothing at all.
    """

    first: str = ""
    last: str = ""
    queues: frozenset[int] = frozenset()
    types: frozenset[DataType] = frozenset({DataType.INSIGHTS})
    format: str = FORMATS[0]
    wrong: dict[str, str] = field(default_factory=dict)
    selection: Selection | None = None
    why: str = ""
    job: int | None = None
    nothing: bool = False


def chosen(
    query: QueryDict,
    *,
    org: Organization,
    today: date,
    night: date,
    known: Sequence[int],
    allowed: Collection[DataType],
    sent: bool = False,
) -> Chosen:
    """Read what is chosen; expects an open transaction in the organization.

    Args:
        query: of the address or of the form.
        org: the organization.
        today: the org-local date.
        night: org-local date of the coming night.
        known: numbers of the organization's Qs.
        allowed: data types that the person may take away.
        sent: whether it is a form, which says everything itself.

    Raises:
        NotYours: there is no such job or Q here.
    """
    if "first" not in query and not sent:
        return _prefilled(query, org=org, today=today, night=night, known=known, allowed=allowed)
    found = Chosen(
        first=query.get("first", "").strip()[:20],
        last=query.get("last", "").strip()[:20],
        queues=frozenset(_queue(text, known=known) for text in query.getlist("q") if text),
        format=query.get("format", "") or FORMATS[0],
    )
    names = {str(kind): kind for kind in DataType}
    found.types = frozenset(names[text] for text in query.getlist("type") if text in names)
    return _judged(found, today=today, known=known, allowed=allowed)


def _judged(found: Chosen, *, today: date, known: Sequence[int], allowed: Collection[DataType]) -> Chosen:
    days = _days(found, today=today)
    if not found.types:
        found.wrong["type"] = "Choose at least one data type."
    elif not found.types <= set(allowed):
        found.wrong["type"] = "Recordings and transcripts need the permission to download recordings."
    if found.format not in FORMATS:
        found.wrong["format"] = f"Choose one of {', '.join(FORMATS)}."
        found.format = FORMATS[0]
    if not known:
        found.wrong["q"] = "There is no Q yet."
    if days is not None and not found.wrong:
        found.selection = Selection(
            first=days[0],
            last=min(days[1], today),
            queues=tuple(sorted(found.queues or known)),
            types=tuple(kind for kind in DataType if kind in found.types),
            format=found.format,
        )
    return found


def _days(found: Chosen, *, today: date) -> tuple[date, date] | None:
    """Read the two days; None where something is wrong with them, which is noted."""
    days = []
    for name, text in (("first", found.first), ("last", found.last)):
        try:
            days.append(parse_day(text, field=name))
        except InputInvalid as exc:
            found.wrong[name] = exc.message
    if len(days) != 2:
        return None
    if days[0] > days[1]:
        found.wrong["last"] = "The last day lies before the first."
    elif days[0] > today:
        found.wrong["first"] = "That day has not come yet."
    return days[0], days[1]


def _prefilled(
    query: QueryDict,
    *,
    org: Organization,
    today: date,
    night: date,
    known: Sequence[int],
    allowed: Collection[DataType],
) -> Chosen:
    """Choose what a job takes, or the coming night, or a month of report rows."""
    if "job" in query:
        row = find_job(query.get("job", ""), org=org.id)
        found = _of(_taken([to_domain(row)], org=org.id, on=night), why="job", allowed=allowed)
        found.job = row.id
    elif "older" in query:
        found = _of(_taken([_drafted(query, known=known)], org=org.id, on=night), why="job", allowed=allowed)
    elif "tonight" in query:
        found = _of(_taken(jobs(org=org.id), org=org.id, on=night), why="night", allowed=allowed)
    else:
        found = Chosen(first=(today - _USUAL).isoformat(), last=today.isoformat())
    if found.why and not found.types:
        found.nothing = not found.first
        found.types = frozenset({DataType.INSIGHTS})
        found.first, found.last = found.first or (today - _USUAL).isoformat(), found.last or today.isoformat()
    return _judged(found, today=today, known=known, allowed=allowed)


def _drafted(query: QueryDict, *, known: Sequence[int]) -> Job:
    """Read a job that is only thought of, as the editor's page tells it: days kept, data, Qs (none: all)."""
    text = query.get("older", "").strip()
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 5_000:
        raise InputInvalid(f"{text[:40]!r} is no number of days: a job keeps 1 to 5000.", field="older")
    what = What.DESKTOP if query.get("what") == What.DESKTOP else What.ALL
    named = frozenset(_queue(one, known=known) for one in query.getlist("q") if one)
    return Job(
        id=_NOT_YET, type=JobType.QUEUE if named else JobType.GLOBAL, what=what, days=Days(int(text)), queues=named
    )


def _taken(of: Sequence[Job], *, org: int, on: date) -> Amounts:
    numbers = list(Queue.objects.filter(org_id=org).values_list("id", flat=True))
    return due_amounts(org=org, jobs=of, queues=numbers, on=on)


def _of(amounts: Amounts, *, why: str, allowed: Collection[DataType]) -> Chosen:
    oldest = min((one.oldest for one in amounts.values() if one.oldest), default=None)
    newest = max((one.newest for one in amounts.values() if one.newest), default=None)
    return Chosen(
        first="" if oldest is None else oldest.isoformat(),
        last="" if newest is None else newest.isoformat(),
        queues=frozenset(queue for queue, _ in amounts),
        types=frozenset(kind for _, kind in amounts if kind in allowed),
        why=why,
    )


def _queue(text: str, *, known: Collection[int]) -> int:
    number = parse_id("que", text)
    if number not in known:
        raise InputInvalid("There is no such Q: choose one of the list.", field="q")
    return number


def allowed_types(*, may_download: bool) -> tuple[DataType, ...]:
    """Give the data types that a person may take away who may see reports."""
    return tuple(kind for kind in DataType if may_download or kind not in OBJECT_TYPES)


def weigh(selection: Selection, *, org: int) -> dict[DataType, Amount]:
    """Add up what a selection holds, by data type; expects an open transaction in the organization."""
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: for each (Q, type) its own stretch of that index, and nothing of the table itself
        cursor.execute(
            """
            SELECT k.kind, coalesce(sum(c.items), 0)::bigint, coalesce(sum(c.bytes), 0)::bigint
            FROM unnest(%s::int[]) AS q (id) CROSS JOIN unnest(%s::text[]) AS k (kind)
            CROSS JOIN LATERAL (
                SELECT sum(c.items) AS items, sum(c.bytes) AS bytes FROM catalog_cell c
                WHERE c.org_id = %s AND c.queue_id = q.id AND c.data_type = k.kind AND c.day BETWEEN %s AND %s) c
            GROUP BY 1
            """,
            [list(selection.queues), list(selection.types), org, selection.first, selection.last],
        )
        found = {DataType(kind): Amount(items, size) for kind, items, size in cursor.fetchall()}
    return {kind: found.get(kind, Amount()) for kind in selection.types}


def is_too_large(weights: dict[DataType, Amount]) -> bool:
    """Whether a selection holds more than an export may."""
    return sum(one.bytes for one in weights.values()) > settings.EBBTIDE_EXPORT_BYTES
