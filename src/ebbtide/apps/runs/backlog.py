"""How long what is due has waited, and how many nights it takes until it is gone.

The age of the oldest overdue item is the number by which a night is judged that does not come, or comes and leaves
things: it is asked of the cells as they are. Every function expects an open transaction in the organization.
"""

from datetime import date

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.first_nights import amount_of
from ebbtide.domain.amount import nights_to_go
from ebbtide.web.context.shared import BacklogNote


def due_since(org: int, *, on: date) -> date | None:
    """Give the date on which an organization's oldest item became due; None where nothing is due.

    Args:
        org: its number.
        on: the org-local date of today.
    """
    with connections[WEB].cursor() as cursor:
        cursor.execute("SELECT due_on FROM console_due_since(%s, %s)", [on, org])
        row = cursor.fetchone()
    return None if row is None else row[0]


def backlog_note(org: Organization, *, due: int, on: date) -> BacklogNote:
    """Say how an organization's backlog stands.

    Args:
        org: the organization, read for this request.
        due: items that the next night has before it.
        on: the org-local date of today.
    """
    since = due_since(org.id, on=on)
    amount = amount_of(org, due=due)
    tonight = due if amount is None else min(due, amount)
    return BacklogNote(
        overdue=None if since is None else (on - since).days,
        since=since,
        amount=amount,
        is_first=amount != org.nightly_amount,
        tonight=tonight,
        left=due - tonight,
        nights=nights_to_go(due, most=amount),
    )
