"""What stands above every report, as it is shown.

Every function expects an open transaction in the organization that sees one moment.
"""

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.reports.asked import CHANNELS
from ebbtide.apps.reports.purged import purged_notes
from ebbtide.apps.reports.scope import Scope
from ebbtide.web.context.insights import ReportHead, State
from ebbtide.web.context.shared import QueueLine


def head_of(
    org: Organization,
    *,
    scope: Scope,
    here: str,
    state: State,
    left_out: tuple[QueueLine, ...],
    compared: bool,
    agent: str = "",
) -> ReportHead:
    """Give what stands above a report.

    Args:
        org: the organization.
        scope: what the report is of.
        here: the name of its address.
        state: of the whole period.
        left_out: Qs that are not compared.
        compared: whether any is.
        agent: key of the agent it is of; empty for all.
    """
    asked = scope.asked
    notes, besides = purged_notes(org, lines=scope.lines, chosen=scope.chosen, period=asked.period)
    return ReportHead(
        here=here,
        empty=not scope.lines and not _has_rows(org.id),
        chosen=asked.chosen,
        period=asked.period,
        before=asked.before,
        until_hour=scope.until_hour,
        queues=tuple(scope.every.values()),
        channels=CHANNELS,
        notes=notes,
        besides=besides,
        state=state,
        left_out=left_out,
        compared=compared,
        agent=agent,
    )


def _has_rows(org: int) -> bool:
    with connections[WEB].cursor() as cursor:
        # leans on catalog_cell's key (org, day, data_type, …): the first that fits
        cursor.execute("SELECT EXISTS (SELECT 1 FROM catalog_cell WHERE org_id = %s AND data_type = 'insights')", [org])
        found: bool = cursor.fetchone()[0]
    return found
