"""The home page of an organization, as it is shown: a filled shape, complete before a template sees it.

Every function expects an open transaction in the organization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from ebbtide.apps.insights.selectors import SetAside, set_aside
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import job_line, queue_lines
from ebbtide.apps.policies.selectors import jobs
from ebbtide.apps.runs.age_charts import AGES, ages_card, unit_of
from ebbtide.apps.runs.ages import Ages, ages
from ebbtide.apps.runs.backlog import backlog_note
from ebbtide.apps.runs.matrix import MATRIX, Decided, matrix
from ebbtide.apps.runs.models import Run
from ebbtide.apps.runs.pages import run_lines, state_note
from ebbtide.apps.runs.preview import Amount
from ebbtide.apps.runs.probing import newest_label
from ebbtide.apps.runs.tonight import tonight_note
from ebbtide.domain.calendar import local_day, next_night, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.identity import public_id
from ebbtide.domain.verdict import effective_retention
from ebbtide.engine.simulate import reaches
from ebbtide.web.context.home import AsideLine, HomePage, StartNote, StorageLine, TonightLine, Unit
from ebbtide.web.listing import Asked, asked_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeAsked:
    """What is asked of the home page: the charts' unit, and the two tables' order and page."""

    unit: Unit
    ages: Asked
    matrix: Asked
    query: QueryDict


def home_asked(query: QueryDict) -> HomeAsked:
    """Read it from the address.

    Raises:
        InputInvalid: there is no such unit or column.
    """
    unit = unit_of(query)
    return HomeAsked(
        unit=unit, ages=asked_of(query, table=AGES[unit]), matrix=asked_of(query, table=MATRIX), query=query
    )


def decided_for_tonight(org: Organization, *, now: datetime) -> Decided:
    """Work out who decides where on the night to come."""
    zone = parse_zone(org.zone)
    on = local_day(next_night(now, zone=zone, at=org.night_at), zone=zone)
    queues, found = queue_lines(org=org.id), jobs(org=org.id)
    return Decided(
        on=on,
        jobs=found,
        queues=queues,
        retention=effective_retention(found, queues=queues),
        reaches=reaches(found, queues=list(queues), on=on),
    )


def ages_tonight(decided: Decided, *, org: int) -> Ages:
    """Add up what is stored and what is due by age, as seen from the night to come."""
    return ages(
        org=org,
        reaches=decided.reaches,
        queues=len(decided.queues),
        on=decided.on,
        lines=sorted({job.days for job in decided.retention.values()}),
    )


def home_page(org: Organization, *, now: datetime, asked: HomeAsked) -> HomePage:
    """Give the home page of an organization.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        asked: what is asked of it.
    """
    decided = decided_for_tonight(org, now=now)
    seen = ages_tonight(decided, org=org.id)
    tonight, held = seen.due_by_type(), seen.stored_by_type()
    items, held_items = (sum(one.items for one in found.values()) for found in (tonight, held))
    held_bytes = sum(one.bytes for one in held.values())
    night = next_night(now, zone=parse_zone(org.zone), at=org.night_at)
    last = Run.objects.filter(org_id=org.id).order_by("-id").first()
    aside = set_aside(org=org.id)
    backlog = backlog_note(org, due=items, on=local_day(now, zone=parse_zone(org.zone)))
    return HomePage(
        state=state_note(org, last=last),
        next_night=night,
        store=newest_label() if any(kind.is_object and one.items for kind, one in held.items()) else None,
        last_run=None if last is None else run_lines([last], org=org.id)[0],
        tonight=tuple(
            TonightLine(data_type=kind, items=one.items, bytes=one.bytes, oldest=one.oldest, newest=one.newest)
            for kind, one in tonight.items()
        ),
        tonight_items=items,
        tonight_bytes=sum(one.bytes for one in tonight.values()),
        tonight_does=tonight_note(org, night=night, selected=backlog.tonight, population=held_items),
        start=None if held_items else _start(org, decided),
        ages=ages_card(seen, decided=decided, unit=asked.unit, asked=asked.ages, query=asked.query),
        matrix=matrix(decided, org=org.id, asked=asked.matrix),
        queue_count=len(decided.queues),
        storage=tuple(_storage_line(kind, one, whole=held_bytes) for kind, one in held.items()),
        storage_items=held_items,
        storage_bytes=held_bytes,
        job_count=len(decided.jobs),
        aside=aside_lines(aside),
        aside_items=sum(one.items for one in aside),
        backlog=backlog,
    )


def _start(org: Organization, decided: Decided) -> StartNote:
    """Tell what is there of a new organization."""
    only = job_line(decided.jobs[0], queues=decided.queues) if len(decided.jobs) == 1 else None
    return StartNote(
        job=only,
        job_count=len(decided.jobs),
        queue_count=len(decided.queues),
        order=f"ebbtide import segments calls.csv --org {public_id('org', org.id)} --map calls.toml",
    )


def _storage_line(kind: DataType, one: Amount, *, whole: int) -> StorageLine:
    percent = one.bytes * 100 / whole if whole else 0.0
    return StorageLine(data_type=kind, items=one.items, bytes=one.bytes, percent=percent, oldest=one.oldest)


def aside_lines(found: Sequence[SetAside]) -> tuple[AsideLine, ...]:
    """Write what is set aside as lines, each with the query that shows its rows."""
    return tuple(
        AsideLine(
            kind="late" if one.kind == "late" else "undatable",
            reason=_("arrived for a day that was already purged") if one.kind == "late" else one.reason,
            items=one.items,
            query=urlencode({"kind": one.kind} if one.kind == "late" else {"kind": one.kind, "reason": one.reason}),
        )
        for one in found
    )
