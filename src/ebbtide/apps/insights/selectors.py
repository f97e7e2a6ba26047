"""What there is to see of report rows. Every function expects an open transaction in the organization."""

from dataclasses import dataclass

from django.db import connections

from ebbtide.apps.orgs.database import WEB


@dataclass(frozen=True, slots=True)
class SetAside:
    """How many segments were kept apart.

    Attributes:
        kind: undatable | late.
        reason: why, for undatable ones; empty for late ones, whose reasons name days without end.
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
            SELECT kind, CASE kind WHEN 'undatable' THEN reason ELSE '' END AS why, count(*) FROM insights_setaside
            WHERE org_id = %s GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC, 2
            """,
            [org],
        )
        return [SetAside(*row) for row in cursor.fetchall()]
