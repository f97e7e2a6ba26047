"""What the next night would take with the jobs as they stand, and with one of them as somebody would have it.

How far back each (Q, data type) is kept is said by the code that plans are made with; the database only adds up. Every
function expects an open transaction in the organization.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connections

from ebbtide.apps.orgs.database import WEB
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.preview import Amount
from ebbtide.domain.calendar import cutoff, local_day, next_night, parse_zone
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
    """A night in two ways; of what is not named nothing goes.

    Attributes:
        then: what it would take with the jobs as they would be, by (Q, data type).
        newly: the part of it that does not go as things stand.
        gone: what goes as things stand and would not go any more.
        deciding: the jobs that would decide then.
    """

    then: Mapping[Key, Amount]
    newly: Mapping[Key, Amount]
    gone: Mapping[Key, Amount]
    deciding: Retention

    @property
    def newly_by_type(self) -> dict[DataType, tuple[int, int]]:
        """What goes newly: items and bytes by data type."""
        found = dict.fromkeys(DataType, (0, 0))
        for (_queue, data_type), amount in self.newly.items():
            items, size = found[data_type]
            found[data_type] = (items + amount.items, size + amount.bytes)
        return found


def with_job(new: Job, *, among: Sequence[Job]) -> list[Job]:
    """Give the jobs as they would be with one more, or with another one in its place."""
    return [*(job for job in among if job.id != new.id), new]


def weigh(*, org: int, among: Sequence[Job], new: Job, queues: Iterable[int], on: date) -> Weighed:
    """Work out what a night would take as the jobs stand, and with a job as it would be.

    Args:
        org: the organization's number.
        among: the jobs in force.
        new: the job as it would be; an existing one by its id.
        queues: all Qs of the organization, archived ones too.
        on: the night's org-local date.
    """
    every = list(queues)
    before = effective_retention(among, queues=every)
    after = effective_retention(with_job(new, among=among), queues=every)
    then: dict[Key, Amount] = {}
    newly: dict[Key, Amount] = {}
    gone: dict[Key, Amount] = {}
    for key, both, apart in _stretches(before, after, org=org, on=on):
        if _from(after, key, on=on) > _from(before, key, on=on):
            newly[key] = apart
            both.add(apart)
        else:
            gone[key] = apart
        then[key] = both
    return Weighed(then=_anything(then), newly=_anything(newly), gone=_anything(gone), deciding=after)


def _anything(amounts: Mapping[Key, Amount]) -> dict[Key, Amount]:
    return {key: amount for key, amount in amounts.items() if amount.items}


def _from(retention: Retention, key: Key, *, on: date) -> date:
    """Give the first day that is kept."""
    job = retention.get(key)
    return date.min if job is None else cutoff(on, days=job.days)


def _stretches(before: Retention, after: Retention, *, org: int, on: date) -> Iterator[tuple[Key, Amount, Amount]]:
    """Add up, for each (Q, data type), the days that go either way, and those that go one way only."""
    keys = list(before.keys() | after.keys())
    ends = [sorted((_from(before, key, on=on), _from(after, key, on=on))) for key in keys]
    with connections[WEB].cursor() as cursor:
        # leans on cell_by_queue: two stretches of that index for each key, the second empty where nothing changes
        cursor.execute(
            """
            SELECT r.queue_id, r.data_type, both_ways.*, one_way.*
            FROM unnest(%(queues)s::int[], %(kinds)s::text[], %(first)s::date[], %(second)s::date[])
                AS r (queue_id, data_type, first, second)
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(c.items), 0)::bigint, coalesce(sum(c.bytes), 0)::bigint, min(c.day), max(c.day)
                FROM catalog_cell c
                WHERE c.org_id = %(org)s AND c.queue_id = r.queue_id AND c.data_type = r.data_type
                    AND c.day < r.first) AS both_ways
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(c.items), 0)::bigint, coalesce(sum(c.bytes), 0)::bigint, min(c.day), max(c.day)
                FROM catalog_cell c
                WHERE c.org_id = %(org)s AND c.queue_id = r.queue_id AND c.data_type = r.data_type
                    AND c.day >= r.first AND c.day < r.second) AS one_way
            """,
            {
                "queues": [queue for queue, _kind in keys],
                "kinds": [str(kind) for _queue, kind in keys],
                "first": [first for first, _second in ends],
                "second": [second for _first, second in ends],
                "org": org,
            },
        )
        rows = cursor.fetchall()
    for queue, kind, *sums in rows:
        yield (queue, DataType(kind)), Amount(*sums[:4]), Amount(*sums[4:])


def quantity(amounts: Iterable[Amount]) -> Quantity:
    """Add up."""
    whole = Amount()
    for one in amounts:
        whole.add(one)
    return Quantity(items=whole.items, bytes=whole.bytes, oldest=whole.oldest, newest=whole.newest)
