"""What the next night would take with the jobs as they stand, and with one of them as somebody would have it.

Both are worked out by the code that plans are made with, so that what is shown is what a night does. Every function
expects an open transaction in the organization.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.preview import Amount, due_amounts
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job
from ebbtide.domain.verdict import Retention, effective_retention
from ebbtide.web.context.jobs import Quantity

Key = tuple[int, DataType]
NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Night:
    """The next night of an organization: the moment it starts (UTC), its local date, and today's."""

    starts: datetime
    on: date
    today: date


def night_of(org: Organization, *, now: datetime) -> Night:
    """Say when the next night is."""
    zone = parse_zone(org.zone)
    starts = next_night(now, zone=zone, at=org.night_at)
    return Night(starts, on=local_day(starts, zone=zone), today=local_day(now, zone=zone))


@dataclass(frozen=True, slots=True)
class Weighed:
    """A night in two ways.

    Attributes:
        now: what it takes as the jobs stand, by (Q, data type); what is not in it is nothing.
        then: what it would take with the jobs as they would be.
        deciding: the jobs that would decide then.
    """

    now: Mapping[Key, Amount]
    then: Mapping[Key, Amount]
    deciding: Retention

    def changes(self) -> Iterator[tuple[Key, int, int]]:
        """Give each (Q, data type) of which more or less would go, with the difference in items and bytes."""
        for key in self.now.keys() | self.then.keys():
            before, after = self.now.get(key, NOTHING), self.then.get(key, NOTHING)
            if before.items != after.items:
                yield key, after.items - before.items, after.bytes - before.bytes

    @property
    def newly(self) -> dict[DataType, tuple[int, int]]:
        """What would go and does not go as things stand: items and bytes by data type."""
        found = dict.fromkeys(DataType, (0, 0))
        for (_queue, data_type), items, size in self.changes():
            if items > 0:
                had = found[data_type]
                found[data_type] = (had[0] + items, had[1] + size)
        return found


def with_job(new: Job, *, among: Sequence[Job]) -> list[Job]:
    """Give the jobs as they would be with one more, or with another one in its place."""
    return [*(job for job in among if job.id != new.id), new]


def weigh(*, org: int, among: Sequence[Job], new: Job, on: date) -> Weighed:
    """Work out what a night would take as the jobs stand, and with a job as it would be.

    Args:
        org: the organization's number.
        among: the jobs in force.
        new: the job as it would be; an existing one by its id.
        on: the night's org-local date.
    """
    after = with_job(new, among=among)
    queues = list(Queue.objects.filter(org_id=org).values_list("id", flat=True))
    return Weighed(
        now=due_amounts(org=org, jobs=among, on=on),
        then=due_amounts(org=org, jobs=after, on=on),
        deciding=effective_retention(after, queues=queues),
    )


def quantity(amounts: Iterator[Amount]) -> Quantity:
    """Add up."""
    items = size = 0
    oldest: date | None = None
    newest: date | None = None
    for one in amounts:
        items, size = items + one.items, size + one.bytes
        if one.oldest is not None:
            oldest = one.oldest if oldest is None else min(oldest, one.oldest)
        if one.newest is not None:
            newest = one.newest if newest is None else max(newest, one.newest)
    return Quantity(items=items, bytes=size, oldest=oldest, newest=newest)
