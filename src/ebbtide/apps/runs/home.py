"""The home page of an organization, as it is shown: a filled shape, complete before a template sees it.

Every function expects an open transaction in the organization.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext as _

from ebbtide.apps.insights.selectors import set_aside
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.pages import run_lines, state_note
from ebbtide.apps.runs.preview import Amount, preview, stored
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import CapExceeded
from ebbtide.domain.guard import Caps, check_caps
from ebbtide.domain.job import Job
from ebbtide.domain.verdict import effective_retention
from ebbtide.web.context.home import AsideLine, HomePage, MatrixCell, MatrixRow, StorageLine, TonightLine
from ebbtide.web.context.shared import Pages, QueueLine

QUEUES_A_PAGE = 100


def home_page(org: Organization, *, now: datetime, page: int) -> HomePage:
    """Give the home page of an organization.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        page: which page of the matrix, from 1; one beyond the last is the last.
    """
    night = next_night(now, zone=parse_zone(org.zone), at=org.night_at)
    tonight = preview(org=org.id, on=local_day(night, zone=parse_zone(org.zone)))
    held, queues = stored(org=org.id), queue_lines(org=org.id)
    found = jobs(org=org.id)
    last = Run.objects.filter(org_id=org.id).order_by("-id").first()
    items, size = sum(one.items for one in tonight.values()), sum(one.bytes for one in tonight.values())
    held_items, held_bytes = sum(one.items for one in held.values()), sum(one.bytes for one in held.values())
    count = max(1, -(-len(queues) // QUEUES_A_PAGE))
    number = min(max(1, page), count)
    shown = list(queues.values())[(number - 1) * QUEUES_A_PAGE : number * QUEUES_A_PAGE]
    return HomePage(
        state=state_note(org, last=last),
        next_night=night,
        last_run=None if last is None else run_lines([last], org=org.id)[0],
        tonight=tuple(
            TonightLine(data_type=kind, items=one.items, bytes=one.bytes, oldest=one.oldest, newest=one.newest)
            for kind, one in tonight.items()
        ),
        tonight_items=items,
        tonight_bytes=size,
        tonight_stopped=_would_stop(org, selected=items, population=held_items),
        matrix=_matrix(shown, found=found, queues=queues),
        matrix_pages=Pages(number=number, count=count, total=len(queues)) if count > 1 else None,
        storage=tuple(_storage_line(kind, one, whole=held_bytes) for kind, one in held.items()),
        storage_items=held_items,
        storage_bytes=held_bytes,
        job_count=len(found),
        aside=tuple(_aside_line(one.kind, one.reason, one.items) for one in set_aside(org=org.id)),
    )


def _would_stop(org: Organization, *, selected: int, population: int) -> str:
    """Say in the guard's words why tonight would be stopped by its caps; empty where it would not."""
    try:
        check_caps(_caps(org), selected=selected, population=population)
    except CapExceeded as refusal:
        return refusal.message
    return ""


def _caps(org: Organization) -> Caps:
    return Caps(share_percent=org.share_cap_percent, items=org.item_cap)


def _matrix(shown: list[QueueLine], *, found: list[Job], queues: Mapping[int, QueueLine]) -> tuple[MatrixRow, ...]:
    lines = {job.id: job_line(job, queues=queues) for job in found}
    deciding = effective_retention(found, queues=[queue.id for queue in shown])

    def cell(queue: int, kind: DataType) -> MatrixCell:
        job = deciding.get((queue, kind))
        return MatrixCell(data_type=kind, job=None if job is None else lines[job.id])

    return tuple(MatrixRow(queue=one, cells=tuple(cell(one.id, kind) for kind in DataType)) for one in shown)


def _storage_line(kind: DataType, one: Amount, *, whole: int) -> StorageLine:
    percent = one.bytes * 100 / whole if whole else 0.0
    return StorageLine(data_type=kind, items=one.items, bytes=one.bytes, percent=percent, oldest=one.oldest)


def _aside_line(kind: str, reason: str, items: int) -> AsideLine:
    if kind == "late":
        return AsideLine(kind="late", reason=_("arrived for a day that was already purged"), items=items)
    return AsideLine(kind="undatable", reason=reason, items=items)
