"""The table of the access log: its columns, and rows of the database as its lines."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from ebbtide.apps.accounts.access_log import Deed
from ebbtide.apps.accounts.models import DataAccess
from ebbtide.domain.cell import DataType
from ebbtide.web.context.access_log import AccessLine
from ebbtide.web.listing import Column, Table

DEEDS = {
    Deed.LISTEN: gettext_lazy("Played"),
    Deed.READ: gettext_lazy("Read"),
    Deed.DOWNLOAD: gettext_lazy("Downloaded"),
    Deed.EXPORT: gettext_lazy("Exported"),
}


def _hex(row: AccessLine) -> str:
    return str(row.segment) if row.segment else ""


ACCESSES: Table[AccessLine] = Table(
    name="accesses",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda row: row.at, field="id"),
        Column(name="who", label=gettext_lazy("Who"), value=lambda row: row.actor, field="actor"),
        Column(
            name="by",
            label=gettext_lazy("Through"),
            value=lambda row: "token" if row.by_token else "page",
            sortable=False,
        ),
        Column(name="deed", label=gettext_lazy("What"), value=lambda row: row.deed, sortable=False),
        Column(name="data_type", label=gettext_lazy("Data type"), value=lambda row: str(row.data_type), sortable=False),
        Column(name="segment", label=gettext_lazy("Segment"), value=_hex, sortable=False),
        Column(name="with", label=gettext_lazy("With"), value=lambda row: row.what, sortable=False),
        Column(name="items", label=gettext_lazy("Items"), value=lambda row: row.items, number=True, sortable=False),
    ),
    sort="-when",
    fields=("actor", "what"),
)


def access_lines(rows: Sequence[DataAccess]) -> list[AccessLine]:
    """Give rows of the log as lines."""
    return [
        AccessLine(
            at=row.at,
            actor=row.actor,
            by_token=row.by_token,
            deed=row.action,
            said=DEEDS[Deed(row.action)],
            data_type=DataType(row.kind),
            segment=row.segment_id,
            what=row.what,
            items=row.items,
        )
        for row in rows
    ]
