"""The page of exports, as it is shown. Every function expects an open transaction in the organization."""

from collections.abc import Collection, Iterator, Sequence

from django.conf import settings
from django.db.models import QuerySet

from ebbtide.apps.exports.making import LASTS
from ebbtide.apps.exports.models import Export
from ebbtide.apps.exports.selection import Chosen, weigh
from ebbtide.apps.exports.sweeping import CONDEMNED, OPEN
from ebbtide.apps.exports.tables import EXPORTS, PAGE_TABLE
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.policies.pages import QueueLines, queue_lines
from ebbtide.domain.cell import DataType
from ebbtide.web.context.exports import (
    ExportForm,
    ExportLine,
    ExportsPage,
    RunExports,
    State,
    TypeChoice,
    WeightLine,
    Weights,
)
from ebbtide.web.listing import Asked, every_row, list_query


def exports_query(org: int) -> QuerySet[Export]:
    """Find the exports of an organization."""
    return Export.objects.filter(org_id=org)


def exports_page(
    org: int, *, chosen: Chosen, queues: QueueLines, allowed: Collection[DataType], asked: Asked
) -> ExportsPage:
    """Give the page.

    Args:
        org: the organization's number.
        chosen: what stands in the form.
        queues: every Q of the organization.
        allowed: data types that the person may take away.
        asked: what is asked of the table.
    """

    def lines(rows: Sequence[Export]) -> list[ExportLine]:
        return [export_line(row, queues=queues, allowed=allowed) for row in rows]

    making = exports_query(org).filter(OPEN).first()
    return ExportsPage(
        form=export_form(org, chosen=chosen, queues=queues, allowed=allowed),
        open=None if making is None else export_line(making, queues=queues, allowed=allowed),
        listing=list_query(PAGE_TABLE, exports_query(org), asked=asked, lines=lines),
        days=LASTS.days,
    )


def export_form(org: int, *, chosen: Chosen, queues: QueueLines, allowed: Collection[DataType]) -> ExportForm:
    """Give the form, filled in and weighed."""
    return ExportForm(
        first=chosen.first,
        last=chosen.last,
        types=tuple(TypeChoice(data_type=kind, chosen=kind in chosen.types, open=kind in allowed) for kind in DataType),
        queues=tuple(queues.values()),
        chosen=chosen.queues,
        format=chosen.format,
        wrong=chosen.wrong,
        weights=weights_of(org, chosen=chosen),
        why=chosen.why,
        job=chosen.job,
        nothing=chosen.nothing,
    )


def weights_of(org: int, *, chosen: Chosen) -> Weights:
    """Add up what is chosen."""
    most = settings.EBBTIDE_EXPORT_BYTES
    if chosen.selection is None:
        return Weights(most=most)
    found = weigh(chosen.selection, org=org)
    return Weights(
        lines=tuple(WeightLine(data_type=kind, items=one.items, bytes=one.bytes) for kind, one in found.items()),
        items=sum(one.items for one in found.values()),
        bytes=sum(one.bytes for one in found.values()),
        most=most,
    )


def state_of(export: Export) -> tuple[State, str]:
    """Say how an export stands, and why it goes or is gone."""
    if export.ready_at is not None:
        if export.condemned_at is None:
            return "ready", ""
        return "going" if export.gone_at is None else "gone", export.condemned_why
    if export.failed_at is not None:
        return "failed", ""
    if export.cancelled_at is not None:
        return "cancelled", ""
    if export.begun_at is None or export.retry_at is not None or export.condemned_at is not None:
        return "waiting", ""
    return ("making" if export.size_checked is None else "checking"), ""


def export_line(export: Export, *, queues: QueueLines, allowed: Collection[DataType]) -> ExportLine:
    """Write an export as a line."""
    state, why = state_of(export)
    types = tuple(DataType(kind) for kind in export.types)
    named = set(export.queues)
    return ExportLine(
        id=export.id,
        first=export.first,
        last=export.last,
        queues=tuple(line for number, line in queues.items() if number in named),
        every=named >= queues.keys(),
        types=types,
        format=export.format,
        asked_by=export.asked_by,
        asked_at=export.asked_at,
        state=state,
        why=why,
        run=export.condemned_run,
        reason=export.reason,
        cells=export.cells,
        items=export.items,
        bytes=export.bytes,
        items_done=export.items_done,
        bytes_done=export.bytes_done,
        percent=_percent(export),
        files=export.files,
        size=export.size,
        sha256="" if export.sha256 is None else bytes(export.sha256).hex(),
        expires_at=export.expires_at,
        gone_at=export.gone_at,
        open_to=may_take(export, allowed=allowed),
    )


def _percent(export: Export) -> int:
    """Say how far it is, by bytes, which take the time: writing is four fifths of the way, reading it back the rest."""
    if export.ready_at is not None:
        return 100
    if export.size_checked is not None:
        return 80 + min(19, export.size_checked * 20 // max(1, export.size))
    return min(80, export.bytes_done * 80 // max(1, export.bytes))


def may_take(export: Export, *, allowed: Collection[DataType]) -> bool:
    """Whether somebody who may take these data types away may have this archive."""
    return {DataType(kind) for kind in export.types} <= set(allowed)


def every_export(org: int, *, allowed: Collection[DataType], asked: Asked) -> Iterator[ExportLine]:
    """Stream all exports, for the CSV; opens its own transaction."""
    with acting_in(org):
        queues = queue_lines(org=org)
        yield from every_row(
            EXPORTS,
            exports_query(org),
            asked=asked,
            lines=lambda rows: [export_line(row, queues=queues, allowed=allowed) for row in rows],
        )


def exports_of_run(run: int, *, org: int) -> RunExports:
    """Count the archives that a run condemned."""
    rows = exports_query(org).filter(condemned_run=run, ready_at__isnull=False)
    return RunExports(gone=rows.filter(gone_at__isnull=False).count(), left=rows.filter(CONDEMNED).count())
