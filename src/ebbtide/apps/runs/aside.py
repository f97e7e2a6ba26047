"""What is set aside: counted by reason, and looked at row by row, without the people in it.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from ebbtide.apps.insights.models import SetAsideRow
from ebbtide.apps.insights.selectors import AsideFilter, aside_rows, set_aside
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.runs.home import aside_lines
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.web.context.kept import AsideChosen, AsidePage, AsideRow
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, Column, Table, every_row, list_query

_KINDS = ("", "undatable", "late")
_REASON_LENGTH = 200
_GUESSED = "ended_from_last_instant"
"""Flag of an end that the export did not name: it is the latest of the other moments."""


def _queue_name(row: AsideRow) -> str | None:
    return row.queue.name if row.queue else None


ASIDE: Table[AsideRow] = Table(
    name="aside",
    columns=(
        Column(name="received", label=gettext_lazy("Came in"), value=lambda row: row.received_at, field="received_at"),
        Column(name="kind", label=gettext_lazy("Kind"), value=lambda row: row.kind, field="kind"),
        Column(name="reason", label=gettext_lazy("Why"), value=lambda row: row.reason, field="reason"),
        Column(name="q", label=gettext_lazy("Q"), value=_queue_name, field="queue_name"),
        Column(name="key", label=gettext_lazy("Source key"), value=lambda row: row.source_key, sortable=False),
        Column(name="names", label=gettext_lazy("Moments it names"), value=lambda row: row.ended_at, sortable=False),
    ),
    sort="-received",
    fields=("source_key", "reason"),
)
ASIDE_CSV: Table[AsideRow] = Table(
    name="aside",
    columns=(
        Column(name="received_at", label="", value=lambda row: row.received_at),
        Column(name="kind", label="", value=lambda row: row.kind),
        Column(name="reason", label="", value=lambda row: row.reason),
        Column(name="q", label="", value=_queue_name),
        Column(name="source_key", label="", value=lambda row: row.source_key),
        Column(name="segment", label="", value=lambda row: row.segment),
        Column(name="day", label="", value=lambda row: row.day),
        Column(name="queued_at", label="", value=lambda row: row.queued_at),
        Column(name="answered_at", label="", value=lambda row: row.answered_at),
        Column(name="ended_at", label="", value=lambda row: row.ended_at),
    ),
    sort="received_at",
)


def aside_filter(query: QueryDict, *, org: int) -> AsideFilter:
    """Read from the address which rows are wanted.

    Raises:
        InputInvalid: there is no such kind, or the reason is too long.
        NotYours: there is no such Q here.
    """
    kind, reason, queue = (query.get(name, "").strip() for name in ("kind", "reason", "q"))
    if kind not in _KINDS:
        raise InputInvalid(f"Nothing is set aside as {kind[:40]!r}: choose undatable or late.", field="kind")
    if len(reason) > _REASON_LENGTH or "\0" in reason:
        raise InputInvalid("Choose one of the reasons of the list.", field="reason")
    number = parse_id("que", queue) if queue else None
    if number is not None and number not in queue_lines(org=org):
        raise not_found("que", queue)
    return AsideFilter(kind=kind, reason=reason, queue=number)


def aside_page(*, org: int, narrowed: AsideFilter, asked: Asked) -> AsidePage:
    """Give a page of what is set aside."""
    queues, found = queue_lines(org=org), set_aside(org=org)
    return AsidePage(
        listing=list_query(
            ASIDE, aside_rows(org=org, narrowed=narrowed), asked=asked, lines=lambda rows: _lines(rows, queues=queues)
        ),
        groups=aside_lines(found),
        undatable=sum(one.items for one in found if one.kind == "undatable"),
        late=sum(one.items for one in found if one.kind == "late"),
        queues=tuple(queues.values()),
        chosen=AsideChosen(kind=narrowed.kind, reason=narrowed.reason, queue=narrowed.queue),
    )


def aside_csv_rows(*, org: int, narrowed: AsideFilter, asked: Asked) -> Iterator[AsideRow]:
    """Stream all rows that are wanted."""
    queues = queue_lines(org=org)
    return every_row(
        ASIDE, aside_rows(org=org, narrowed=narrowed), asked=asked, lines=lambda rows: _lines(rows, queues=queues)
    )


def _lines(rows: Sequence[SetAsideRow], *, queues: Mapping[int, QueueLine]) -> list[AsideRow]:
    return [_line(row, told=vars(row), queues=queues) for row in rows]


def _line(row: SetAsideRow, *, told: Mapping[str, Any], queues: Mapping[int, QueueLine]) -> AsideRow:
    return AsideRow(
        id=row.id,
        kind="late" if row.kind == "late" else "undatable",
        reason=row.reason,
        queue=queues.get(row.queue_id) if row.queue_id else None,
        source_key=told["source_key"] or "",
        segment=str(row.segment_id),
        day=row.day,
        queued_at=_instant(told["told_queued"]),
        answered_at=_instant(told["told_answered"]),
        ended_at=None if _GUESSED in (told["told_flags"] or "") else _instant(told["told_ended"]),
        received_at=row.received_at,
    )


def _instant(text: str | None) -> datetime | None:
    """Read an instant as PostgreSQL writes it into JSON; None also where its year has more than four digits."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
