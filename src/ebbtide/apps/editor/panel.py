"""The preview beside the editor: what the next night would take with a job as it is entered.

Every function expects an open transaction in the organization.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext_lazy

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.editor.questions import ineffective_notes
from ebbtide.apps.editor.weighing import NOTHING, Key, Night, Weighed, quantity, weigh
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.cell import Amount as Arrived
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import CapExceeded
from ebbtide.domain.guard import Caps, check_caps
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job
from ebbtide.web.context.jobs import PreviewLine, PreviewPanel, Quantity
from ebbtide.web.context.shared import QueueLine
from ebbtide.web.listing import Asked, Column, Table, list_rows
from ebbtide.web.templatetags.ebbtide import data_type

USUAL_DAYS = 28
"""Full days whose mean tells what comes in, and so, later, what becomes due each night."""
AS_IT_IS = Asked()
"""The first page of the table, in its own order."""
_ORDER = {data_type: place for place, data_type in enumerate(DataType)}


def _decider(line: PreviewLine) -> str:
    if line.this:
        return "this job"
    return "" if line.job is None else public_id("job", line.job)


PREVIEW: Table[PreviewLine] = Table(
    name="preview",
    columns=(
        Column(name="q", label=gettext_lazy("Q"), value=lambda line: line.queue.name),
        Column(name="data", label=gettext_lazy("Data"), value=lambda line: str(data_type(line.data_type))),
        Column(name="items", label=gettext_lazy("Items"), value=lambda line: line.amount.items, number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda line: line.amount.bytes, number=True),
        Column(name="oldest", label=gettext_lazy("Days"), value=lambda line: line.amount.oldest),
        Column(name="newest", label="", value=lambda line: line.amount.newest, sortable=False),
        Column(name="change", label=gettext_lazy("Change"), value=lambda line: line.more, number=True),
        Column(name="decided_by", label=gettext_lazy("Decided by"), value=_decider),
    ),
    sort="-items",
    row_key=lambda line: (line.queue.id, line.data_type),
    size=10,
)


def empty_panel(org: Organization, *, night: Night, missing: Sequence[str] = ()) -> PreviewPanel:
    """Give the panel of a job that is not complete yet."""
    return PreviewPanel(night=night.starts, armed=org.armed, missing=tuple(missing))


def panel_of(
    org: Organization,
    *,
    job: Job,
    among: Sequence[Job],
    queues: Mapping[int, QueueLine],
    night: Night,
    asked: Asked = AS_IT_IS,
    whole: bool = False,
    paused: bool = False,
) -> PreviewPanel:
    """Work out what saving a job so would come to.

    Args:
        org: the organization, read for this request.
        job: the job as it is entered.
        among: the jobs in force.
        queues: every Q of the organization.
        night: its next night.
        asked: what is asked of the table.
        whole: whether the table is to tell of the whole run.
        paused: whether the job is paused.
    """
    weighed = weigh(org=org.id, among=among, new=job, queues=queues, on=night.on)
    run = quantity(weighed.then.values())
    own = {key for key, decider in weighed.deciding.items() if decider.id == job.id}
    since = night.today - timedelta(days=USUAL_DAYS)
    inflow = catalog.inflow(org=org.id, since=since, until=night.today)
    nightly, by_type = _nightly(inflow, own=own)
    lines = _lines(weighed, job=job, queues=queues)
    if not whole:
        lines = [line for line in lines if line.this or line.more]
    return PreviewPanel(
        night=night.starts,
        armed=org.armed,
        run=run,
        own=quantity(amount for key, amount in weighed.then.items() if key in own),
        newly=quantity(weighed.newly.values()),
        gone=quantity(weighed.gone.values()),
        nightly=nightly,
        by_type=tuple(by_type.items()),
        notes=ineffective_notes(job, among=among, queues=queues),
        stopped=_would_stop(org, selected=run.items, at_least=sum(one.items for one in inflow.values())),
        paused=paused,
        whole=whole,
        lines=list_rows(PREVIEW, lines, asked=asked),
        export=_export_query(job),
    )


def _export_query(job: Job) -> str:
    """Write what chooses, on the page of exports, what a job would take."""
    named = [("q", public_id("que", queue)) for queue in sorted(job.queues)]
    return urlencode([("older", job.days), ("what", job.what), *named])


def every_line(
    org: Organization, *, job: Job, among: Sequence[Job], queues: Mapping[int, QueueLine], night: Night
) -> list[PreviewLine]:
    """Give the whole run's lines: what goes into the CSV."""
    weighed = weigh(org=org.id, among=among, new=job, queues=queues, on=night.on)
    return _lines(weighed, job=job, queues=queues)


def _lines(weighed: Weighed, *, job: Job, queues: Mapping[int, QueueLine]) -> list[PreviewLine]:
    def line(key: Key) -> PreviewLine:
        decider = weighed.deciding.get(key)
        return PreviewLine(
            queue=queues[key[0]],
            data_type=key[1],
            job=None if decider is None or decider.id == job.id else decider.id,
            this=decider is not None and decider.id == job.id,
            amount=quantity([weighed.then.get(key, NOTHING)]),
            more=weighed.newly.get(key, NOTHING).items - weighed.gone.get(key, NOTHING).items,
        )

    keys = list(weighed.then.keys() | weighed.gone.keys())
    keys.sort(key=lambda key: (queues[key[0]].name.casefold(), _ORDER[key[1]]))
    return [line(key) for key in keys]


def _nightly(inflow: Mapping[Key, Arrived], *, own: set[Key]) -> tuple[Quantity, dict[DataType, Quantity]]:
    """Say what comes in each day of what a job would decide, in all and by data type.

    In time, just so much crosses its line each night.
    """
    found = dict.fromkeys(DataType, (0, 0))
    for (queue, kind), one in inflow.items():
        if (queue, kind) in own:
            items, size = found[kind]
            found[kind] = (items + one.items, size + one.bytes)
    whole = _mean(sum(items for items, _size in found.values()), sum(size for _items, size in found.values()))
    return whole, {kind: _mean(items, size) for kind, (items, size) in found.items() if items}


def _mean(items: int, size: int) -> Quantity:
    """Divide by the days; something is at least one."""
    return Quantity(items=max(1, round(items / USUAL_DAYS)) if items else 0, bytes=round(size / USUAL_DAYS))


def _would_stop(org: Organization, *, selected: int, at_least: int) -> str:
    """Say in the guard's words why the night would be stopped by its caps; empty where it would not.

    Args:
        org: the organization.
        selected: items the night would take.
        at_least: items that are there in any case: where so many are enough, nobody counts the rest.
    """
    caps = Caps(share_percent=org.share_cap_percent, items=org.item_cap)
    try:
        check_caps(caps, selected=selected, population=at_least)
    except CapExceeded:
        pass
    else:
        return ""
    try:
        check_caps(caps, selected=selected, population=catalog.population(org=org.id))
    except CapExceeded as refusal:
        return refusal.message
    return ""


def wants_whole(sent: QueryDict) -> bool:
    """Whether the table is to tell of the whole run."""
    return sent.get("preview.scope") == "run"
