"""One organization, as its operator sees it: counts, jobs, people and history, and nothing of what its data says.

Every function that reads, but the last, expects an open transaction in the organization.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, time

from django.utils.translation import gettext_lazy

from ebbtide.apps.console.models import SettingChange
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import FlagChange, Membership, Organization
from ebbtide.apps.policies.pages import QueueLines, job_line
from ebbtide.apps.runs.models import Reconciliation, Run
from ebbtide.apps.runs.pages import run_lines
from ebbtide.apps.runs.preview import by_data_type, due_amounts
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType
from ebbtide.domain.verdict import ineffective
from ebbtide.web.context.console.organization import ChangeLine, Comparison, Settings, TypeLine
from ebbtide.web.context.shared import JobLine, RunLine, SwitchNote
from ebbtide.web.listing import Asked, Column, Listing, Table, every_row, list_query, list_rows

RUNS: Table[RunLine] = Table(
    name="runs",
    columns=(
        Column(name="night", label=gettext_lazy("Night of"), value=lambda one: one.on, field="local_date"),
        Column(name="outcome", label=gettext_lazy("Outcome"), value=lambda one: one.outcome, sortable=False),
        Column(name="started", label=gettext_lazy("Started"), value=lambda one: one.started_at, field="id"),
        Column(name="due", label=gettext_lazy("Due"), value=lambda one: one.planned, number=True, sortable=False),
        Column(name="purged", label=gettext_lazy("Purged"), value=lambda one: one.purged, field="purged", number=True),
        Column(name="failed", label=gettext_lazy("Failed"), value=lambda one: one.failed, field="failed", number=True),
        Column(
            name="rest",
            label=gettext_lazy("Not reached"),
            value=lambda one: one.not_reached,
            field="not_reached",
            number=True,
        ),
    ),
    sort="-started",
    size=10,
)
"""Runs of one organization."""

HISTORY: Table[ChangeLine] = Table(
    name="history",
    columns=(
        Column(name="when", label=gettext_lazy("When"), value=lambda one: one.at),
        Column(name="what", label=gettext_lazy("What"), value=lambda one: one.what),
        Column(name="who", label=gettext_lazy("Who"), value=lambda one: one.actor),
        Column(name="why", label=gettext_lazy("Why"), value=lambda one: one.reason),
    ),
    sort="-when",
    text=lambda one: f"{one.what} {one.actor} {one.reason}",
    row_key=lambda one: (one.at, one.what),
    size=10,
)
"""Turns of an organization's flags, and changes of its settings."""

_WORDS: Mapping[tuple[str, bool], str] = {
    ("armed", True): "armed",
    ("armed", False): "disarmed",
    ("stopped", True): "stopped",
    ("stopped", False): "released",
}


def type_lines(found: Sequence[Job], *, queues: QueueLines, org: int, on: date) -> tuple[TypeLine, ...]:
    """Count what is due by data type, as things are at this moment.

    Args:
        found: the jobs in force.
        queues: every Q.
        org: the organization's number.
        on: the org-local date of today.
    """
    due = due_amounts(org=org, jobs=found, queues=queues, on=on)
    sums = by_data_type((kind, amount) for (_queue, kind), amount in due.items())
    return tuple(
        TypeLine(data_type=kind, items=one.items, bytes=one.bytes, oldest=one.oldest, newest=one.newest)
        for kind, one in sums.items()
    )


def job_lines(found: Sequence[Job], *, queues: QueueLines) -> tuple[JobLine, ...]:
    """Write jobs as sentences, Global ones first, shorter ones before longer ones."""
    idle = ineffective(found)
    ordered = sorted(found, key=lambda job: (job.type is not JobType.GLOBAL, job.days, job.id))
    return tuple(job_line(job, queues=queues, overridden_by=idle.get(job.id, ())) for job in ordered)


def settings_of(org: Organization) -> Settings:
    """Give when an organization's nights start, what they may take, how fast and in which hours."""
    return Settings(
        night_at=org.night_at,
        share_percent=org.share_cap_percent,
        items=org.item_cap,
        nightly_amount=org.nightly_amount,
        rows_per_second=org.rows_per_second,
        objects_per_second=org.objects_per_second,
        hours_from=org.hours_from,
        hours_until=org.hours_until,
    )


def people(*, org: int) -> tuple[int, tuple[str, ...]]:
    """Count the members, and name the admins."""
    rows = list(Membership.objects.filter(org_id=org).order_by("user__email").values_list("is_admin", "user__email"))
    return len(rows), tuple(email for is_admin, email in rows if is_admin)


def own_switch(org: Organization) -> SwitchNote:
    """Tell the organization's own kill switch, which is on."""
    turned = FlagChange.objects.filter(org_id=org.id, flag="stopped", value=True).order_by("-at").first()
    return SwitchNote(scope="organization", since=turned.at if turned else None, reason=turned.reason if turned else "")


def comparison(*, org: int) -> Comparison | None:
    """Tell how the last comparison of its rows and objects went; None before the first."""
    found = Reconciliation.objects.filter(org_id=org).first()
    if found is None:
        return None
    return Comparison(
        compared_at=found.compared_at,
        cells=found.cells,
        objects=found.listed,
        differences=tuple(sorted(found.differences.items())),
        failed_at=found.tried_at if found.reason else None,
        reason=found.reason,
        order=f"ebbtide reconcile --org {public_id('org', org)}",
    )


def runs_listing(*, org: int, asked: Asked) -> Listing[RunLine]:
    """Give a page of the runs."""

    def lines(found: Sequence[Run]) -> Sequence[RunLine]:
        return run_lines(list(found), org=org)

    return list_query(RUNS, Run.objects.filter(org_id=org), asked=asked, lines=lines)


def history_lines(*, org: int) -> list[ChangeLine]:
    """Give all turns of the flags and all changes of the settings; there are never many."""
    turns = [
        ChangeLine(at=one.at, what=_WORDS[one.flag, one.value], actor=one.actor, reason=one.reason)  # type: ignore[arg-type] # one of the words
        for one in FlagChange.objects.filter(org_id=org)
    ]
    changes = [
        ChangeLine(at=one.at, what="settings", actor=one.actor, before=_read(one.before), after=_read(one.after))
        for one in SettingChange.objects.filter(org_id=org)
    ]
    return [*turns, *changes]


def history_listing(*, org: int, asked: Asked) -> Listing[ChangeLine]:
    """Give a page of the history."""
    return list_rows(HISTORY, history_lines(org=org), asked=asked)


def written(settings: Settings) -> dict[str, object]:
    """Write settings down as the history keeps them."""
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in asdict(settings).items()}


def _read(kept: Mapping[str, object]) -> Settings:
    """Read what the history kept; what was written before there was a setting says nothing of it."""

    def number(name: str) -> int | None:
        value = kept.get(name)
        return value if isinstance(value, int) else None

    def hour(name: str) -> time | None:
        value = kept.get(name)
        return time.fromisoformat(value) if isinstance(value, str) else None

    return Settings(
        night_at=time.fromisoformat(str(kept["night_at"])),
        share_percent=number("share_percent"),
        items=number("items"),
        nightly_amount=number("nightly_amount"),
        rows_per_second=number("rows_per_second"),
        objects_per_second=number("objects_per_second"),
        hours_from=hour("hours_from"),
        hours_until=hour("hours_until"),
    )


def every_run(org: int, *, asked: Asked) -> Iterator[RunLine]:
    """Stream all runs of an organization; opens its own transaction, as long as somebody reads."""
    with acting_in(org):
        yield from every_row(
            RUNS, Run.objects.filter(org_id=org), asked=asked, lines=lambda found: run_lines(list(found), org=org)
        )
