"""What there is to see of report rows. Every function expects an open transaction in the organization."""

from dataclasses import dataclass

from django.db import connections
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from ebbtide.apps.insights.models import SetAsideRow
from ebbtide.apps.orgs.database import WEB

SHOWN = {
    "source_key": "source_key",
    "told_queued": "queued_at",
    "told_answered": "answered_at",
    "told_ended": "ended_at",
    "told_flags": "flags",
}
"""What is read of an undatable row's content, and under which key it stands there: nothing personal is."""


_WHY = Func(F("reason"), Value(' "'), Value(1), function="split_part", output_field=TextField())
"""A reason without the text that could not be read."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """How many segments were kept apart.

    Attributes:
        kind: undatable | late.
        reason: why, for undatable ones, without the text that could not be read; empty for late ones, whose reasons
            name days without end.
        items: segments.
    """

    kind: str
    reason: str
    items: int


def set_aside(*, org: int) -> list[SetAside]:
    """Count the segments kept apart, by kind and reason, most first."""
    with connections[WEB].cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, CASE kind WHEN 'undatable' THEN split_part(reason, ' "', 1) ELSE '' END AS why, count(*)
            FROM insights_setaside WHERE org_id = %s GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC, 2
            """,
            [org],
        )
        return [SetAside(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideFilter:
    """Which of the rows kept apart; empty and None narrow nothing.

    Attributes:
        kind: undatable | late.
        reason: as `set_aside` tells it.
        queue: a Q's number.
    """

    kind: str = ""
    reason: str = ""
    queue: int | None = None

    @property
    def active(self) -> bool:
        """Whether anything is narrowed."""
        return bool(self.kind or self.reason or self.queue is not None)


def aside_rows(*, org: int, narrowed: AsideFilter) -> QuerySet[SetAsideRow]:
    """Find the rows kept apart; each brings what `SHOWN` names, and the rest of its content stays where it is."""
    rows = SetAsideRow.objects.filter(org_id=org)
    if narrowed.kind:
        rows = rows.filter(kind=narrowed.kind)
    if narrowed.reason:
        rows = rows.annotate(why=_WHY).filter(why=narrowed.reason)
    if narrowed.queue is not None:
        rows = rows.filter(queue_id=narrowed.queue)
    values = {name: KeyTextTransform(key, "content") for name, key in SHOWN.items()}
    return rows.defer("content").annotate(
        queue_name=Coalesce("queue__name", Value(""), output_field=TextField()), **values
    )
