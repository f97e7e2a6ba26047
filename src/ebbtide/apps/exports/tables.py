"""The table of exports."""

from django.utils.translation import gettext_lazy

from ebbtide.domain.identity import public_id
from ebbtide.web.context.exports import ExportLine
from ebbtide.web.listing import Column, Table

EXPORTS: Table[ExportLine] = Table(
    name="exports",
    columns=(
        Column(name="export", label=gettext_lazy("Export"), value=lambda row: public_id("exp", row.id), field="id"),
        Column(name="first_day", label=gettext_lazy("Days"), value=lambda row: row.first, field="first"),
        Column(name="last_day", label="", value=lambda row: row.last, field="last"),
        Column(name="data_types", label=gettext_lazy("Data"), value=lambda row: " ".join(row.types), sortable=False),
        Column(name="qs", label=gettext_lazy("Qs"), value=lambda row: len(row.queues), sortable=False, number=True),
        Column(name="asked_by", label=gettext_lazy("Asked for by"), value=lambda row: row.asked_by, field="asked_by"),
        Column(name="asked_at", label="", value=lambda row: row.asked_at, field="asked_at"),
        Column(name="state", label=gettext_lazy("State"), value=lambda row: row.state, sortable=False),
        Column(name="why", label="", value=lambda row: row.why, sortable=False),
        Column(name="items", label=gettext_lazy("Items"), value=lambda row: row.items, field="items", number=True),
        Column(name="bytes", label=gettext_lazy("Size"), value=lambda row: row.size, field="size", number=True),
        Column(name="expires_at", label="", value=lambda row: row.expires_at, sortable=False),
        Column(name="sha256", label="", value=lambda row: row.sha256, sortable=False),
    ),
    sort="-export",
)
SHOWN = ("export", "first_day", "data_types", "qs", "asked_by", "state", "items", "bytes")
"""Columns that the page has heads for; the CSV has them all."""
PAGE_TABLE: Table[ExportLine] = Table(
    name=EXPORTS.name,
    columns=tuple(column for column in EXPORTS.columns if column.name in SHOWN),
    sort=EXPORTS.sort,
    size=25,
)
