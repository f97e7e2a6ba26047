"""Orphans as they are listed: objects without a row, rows without their object, and what becomes of each.

Every function expects an open transaction in the organization.
"""

from collections.abc import Iterator, Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from ebbtide.apps.runs.models import Orphan, Reconciliation
from ebbtide.web.context.kept import OrphanRow, OrphansPage
from ebbtide.web.listing import Asked, Column, Table, every_row, list_query

ORPHANS: Table[OrphanRow] = Table(
    name="orphans",
    columns=(
        Column(name="first_seen", label=gettext_lazy("First seen"), value=lambda row: row.first_seen_at,
               field="first_seen_at"),
        Column(name="what", label=gettext_lazy("What"), value=lambda row: row.what, field="what"),
        Column(name="key", label=gettext_lazy("Key"), value=lambda row: row.key, field="key"),
        Column(name="size", label=gettext_lazy("Bytes"), value=lambda row: row.bytes, field="bytes", number=True,
               sortable=False),
        Column(name="seen", label=gettext_lazy("Times seen"), value=lambda row: row.sightings, field="sightings",
               number=True),
        Column(name="fate", label=gettext_lazy("What becomes of it"), value=lambda row: row.fate, field="fate"),
    ),
    sort="first_seen",
    fields=("key",),
)  # fmt: skip
"""Orphans of an organization."""


def orphans(org: int) -> QuerySet[Orphan]:
    """Give an organization's orphans, as the newest reconciliation left them."""
    return Orphan.objects.filter(org_id=org)


def orphans_page(org: int, *, asked: Asked) -> OrphansPage:
    """Give a page of them."""
    last = Reconciliation.objects.filter(org_id=org).first()
    return OrphansPage(
        listing=list_query(ORPHANS, orphans(org), asked=asked, lines=_lines),
        compared_at=None if last is None else last.compared_at,
        objects=0 if last is None else last.listed,
        failed_at=last.tried_at if last is not None and last.reason else None,
    )


def orphan_rows(org: int, *, asked: Asked) -> Iterator[OrphanRow]:
    """Stream all of them that are searched for."""
    return every_row(ORPHANS, orphans(org), asked=asked, lines=_lines)


def _lines(rows: Sequence[Orphan]) -> list[OrphanRow]:
    return [
        OrphanRow(
            what=row.what,
            key=row.key,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            sightings=row.sightings,
            fate=row.fate,
            bytes=row.bytes,
            left_reason=row.left_reason,
        )
        for row in rows
    ]
