"""What may be done to queues."""

from collections.abc import Iterable

from ebbtide.apps.catalog.models import Queue
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
