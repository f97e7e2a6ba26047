"""What may be set for reports."""

from datetime import datetime

from django.db.models import Q

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.reports.models import ServiceTarget
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import not_found, public_id
from ebbtide.domain.measures import DEFAULT_THRESHOLD, THRESHOLDS


def parse_target(text: str) -> int:
    """Read a service target in seconds.

    Raises:
        InputInvalid: it is none of those that sums are kept for.
    """
    for seconds in THRESHOLDS:
        if text == str(seconds):
            return seconds
    raise InputInvalid(f"Choose one of {', '.join(map(str, THRESHOLDS))} seconds.", field="seconds")


def targets(*, org: int) -> dict[int, int]:
    """Give the service target of every Q, in seconds; expects an open transaction in the organization."""
    set_ = dict(ServiceTarget.objects.filter(org_id=org).values_list("queue_id", "seconds"))
    return {queue: set_.get(queue, DEFAULT_THRESHOLD) for queue in Queue.objects.values_list("id", flat=True)}


def set_target(org: int, *, queue: int | None, seconds: int, actor: str, now: datetime) -> int:
    """Set the service target of a Q, or of all; gives of how many Qs.

    Args:
        org: the organization's number.
        queue: the Q's number; None for every Q.
        seconds: one of `THRESHOLDS`.
        actor: who asks.
        now: the present moment (UTC).

    Raises:
        NotYours: there is no such Q.
    """
    with acting_in(org):
        numbers = list(
            Queue.objects.filter(Q() if queue is None else Q(id=queue), org_id=org).values_list("id", flat=True)
        )
        if queue is not None and not numbers:
            raise not_found("que", public_id("que", queue))
        ServiceTarget.objects.bulk_create(
            [
                ServiceTarget(org_id=org, queue_id=number, seconds=seconds, set_by=actor, set_at=now)
                for number in numbers
            ],
            update_conflicts=True,
            update_fields=["seconds", "set_by", "set_at"],
            unique_fields=["org", "queue"],
        )
    return len(numbers)
