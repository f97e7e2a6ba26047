"""The tables of activation: their columns, and rows of the database as their lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ebbtide.apps.activation.evidence import Amount, Key
from ebbtide.apps.activation.models import Request
from ebbtide.apps.activation.selectors import OPERATOR, Happening
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.web.context.activation import AmountLine, HistoryLine, RequestLine
from ebbtide.web.context.shared import OrgLine, QueueLine
from ebbtide.web.listing import Column, Table

LABELS = {
    "asked": gettext_lazy("Asked"),
    "armed": gettext_lazy("Switched on"),
    "disarmed": gettext_lazy("Switched off"),
    "declined": gettext_lazy("Declined"),
    "withdrawn": gettext_lazy("Withdrawn"),
    "expired": gettext_lazy("Expired"),
    "stopped": gettext_lazy("Kill switch on"),
    "released": gettext_lazy("Kill switch off"),
}

_ORDER = list(DataType)

_AMOUNT: tuple[Column[AmountLine], ...] = (
    Column(name="q", label=gettext_lazy("Q"), value=lambda row: row.queue),
    Column(name="data_type", label=gettext_lazy("Data type"), value=lambda row: str(row.data_type)),
    Column(name="items", label=gettext_lazy("Items"), value=lambda row: row.items, number=True),
    Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.bytes, number=True),
    Column(name="oldest", label=gettext_lazy("Oldest day"), value=lambda row: row.oldest, number=True),
    Column(name="newest", label=gettext_lazy("Newest day"), value=lambda row: row.newest, number=True),
)

NIGHT: Table[AmountLine] = Table(
    name="night",
    columns=_AMOUNT,
    sort="-items",
    text=lambda row: row.queue,
    row_key=lambda row: (row.queue, row.data_type),
    size=10,
)

COMPARED: Table[AmountLine] = Table(
    name="evidence",
    columns=(
        *_AMOUNT[:2],
        Column(name="items", label=gettext_lazy("Shown"), value=lambda row: row.items, number=True),
        Column(name="items_now", label=gettext_lazy("Due now"), value=lambda row: row.items_now, number=True),
        Column(name="difference", label=gettext_lazy("Difference"), value=lambda row: row.more, number=True),
        Column(name="bytes", label=gettext_lazy("Size shown"), value=lambda row: row.bytes, number=True),
        Column(name="bytes_now", label=gettext_lazy("Size now"), value=lambda row: row.bytes_now, number=True),
        *_AMOUNT[4:],
    ),
    sort="-items_now",
    text=lambda row: row.queue,
    row_key=lambda row: (row.queue, row.data_type),
    size=10,
)

HISTORY: Table[HistoryLine] = Table(
    name="history",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda row: row.at),
        Column(name="what", label=gettext_lazy("What"), value=lambda row: row.label),
        Column(name="who", label=gettext_lazy("Who"), value=lambda row: row.who),
        Column(name="reason", label=gettext_lazy("Reason"), value=lambda row: row.reason),
    ),
    sort="-when",
    text=lambda row: f"{row.label} {row.who} {row.reason}",
    row_key=lambda row: row.key,
    size=10,
)

REQUESTS: Table[RequestLine] = Table(
    name="requests",
    columns=(
        Column(name="organization", label=gettext_lazy("Organization"), value=lambda row: row.org.name,
               field="org__name"),
        Column(name="request", label=gettext_lazy("Request"), value=lambda row: public_id("req", row.id), field="id"),
        Column(name="state", label=gettext_lazy("State"), value=lambda row: row.stands, field="stands"),
        Column(name="asked", label=gettext_lazy("Asked"), value=lambda row: row.asked_at, field="asked_at"),
        Column(name="simulated", label=gettext_lazy("Simulated"), value=lambda row: row.simulated_at,
               field="simulated_at"),
        Column(name="items", label=gettext_lazy("Items"), value=lambda row: row.items, field="items", number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.bytes, field="bytes", number=True),
        Column(name="percent", label=gettext_lazy("Share"), value=lambda row: row.percent, field="share", number=True),
    ),
    sort="-asked",
    fields=("org__name", "asked_by"),
)  # fmt: skip


def amount_lines(
    shown: Mapping[Key, Amount], now: Mapping[Key, Amount], *, queues: Mapping[int, QueueLine]
) -> list[AmountLine]:
    """Put what was shown beside what is due now, by Q and data type.

    Args:
        shown: by the simulation.
        now: as things stand; the same again where nobody asks for it.
        queues: every Q of the organization.
    """
    keys = sorted({*shown, *now}, key=lambda key: (key[0], _ORDER.index(key[1])))
    return [_amount_line(key, shown.get(key), now.get(key), queue=queues[key[0]]) for key in keys]


def by_type(lines: Iterable[AmountLine]) -> tuple[AmountLine, ...]:
    """Add lines up over all Qs: one for each data type, also where there is nothing of it."""
    found = {
        kind: AmountLine(queue="", data_type=kind, items=0, bytes=0, oldest=None, newest=None) for kind in DataType
    }
    for line in lines:
        sum_ = found[line.data_type]
        days = [day for day in (sum_.oldest, sum_.newest, line.oldest, line.newest) if day is not None]
        found[line.data_type] = replace(
            sum_,
            items=sum_.items + line.items,
            bytes=sum_.bytes + line.bytes,
            oldest=min(days, default=None),
            newest=max(days, default=None),
        )
    return tuple(found.values())


def _amount_line(key: Key, shown: Amount | None, now: Amount | None, *, queue: QueueLine) -> AmountLine:
    span = [one for one in (shown, now) if one is not None]
    return AmountLine(
        queue=queue.name,
        data_type=key[1],
        items=shown.items if shown else 0,
        bytes=shown.bytes if shown else 0,
        oldest=min(one.oldest for one in span),
        newest=max(one.newest for one in span),
        items_now=now.items if now else 0,
        bytes_now=now.bytes if now else 0,
    )


def told_to_members(actor: str) -> str:
    """Name who did something as members may know it: of an operator, that it was one."""
    return _("Platform operator") if actor.startswith(OPERATOR) else actor


def told_to_operators(actor: str) -> str:
    """Name who did something as operators may know it."""
    name = actor.removeprefix(OPERATOR)
    if name == actor or "@" in name:
        return name
    return _("%(name)s, command line") % {"name": name}


def history_line(one: Happening, *, for_operator: bool) -> HistoryLine:
    """Write one line of the history for whoever looks.

    The name of who armed, disarmed or declined is an operator's, whatever it looks like.
    """
    by_operator = one.what in {"armed", "disarmed", "declined"}
    who = told_to_operators(one.actor) if for_operator else told_to_members(OPERATOR if by_operator else one.actor)
    return HistoryLine(
        key=one.key,
        at=one.at,
        what=one.what,
        label=str(LABELS[one.what]),
        who=who,
        reason=one.reason,
        request=one.request if for_operator else None,
    )


def history_lines(found: Iterable[Happening], *, for_operator: bool) -> list[HistoryLine]:
    """Write the history for whoever looks."""
    return [history_line(one, for_operator=for_operator) for one in found]


def request_lines(found: Sequence[Request]) -> list[RequestLine]:
    """Write annotated requests (`selectors.requests`) as lines."""
    return [
        RequestLine(
            id=one.id,
            org=OrgLine(id=one.org.id, name=one.org.name, zone=one.org.zone, armed=one.org.armed),
            stands=one.stands,  # type: ignore[attr-defined] # annotated
            asked_at=one.asked_at,
            asked_by=one.asked_by,
            simulated_at=one.simulated_at,
            items=one.items,
            bytes=one.bytes,
            percent=one.items * 100 / one.population if one.population else 0.0,
        )
        for one in found
    ]
