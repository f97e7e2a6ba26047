"""What may be done to queues, and the keeping of the tally."""

from collections.abc import Iterable

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.services import clean_name


def ensure_queues(names: Iterable[str], *, org: int) -> dict[str, int]:
    """Make the queues that are missing; expects an open transaction in the organization.

    Args:
        names: as the data names them.
        org: the organization's number.

    Returns:
        name -> queue number.

    Raises:
        InputInvalid: a name is unusable.
    """
    wanted = {clean_name(name, field="queue", what="Q") for name in names}
    Queue.objects.bulk_create([Queue(org_id=org, name=name) for name in sorted(wanted)], ignore_conflicts=True)
    return dict(Queue.objects.filter(org_id=org, name__in=wanted).values_list("name", "id"))


def recount(org: int) -> int:
    """Make the tally of an organization short again, and right where it was not: from its cells, whoever writes beside.

    Returns:
        How many entries it has: one for each data type and day.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with acting_in(org, using=SWEEP) as cursor:
        cursor.execute("SELECT catalog_recount()")
        entries: int = cursor.fetchone()[0]
    return entries
