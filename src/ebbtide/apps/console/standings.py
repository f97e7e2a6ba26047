"""Where every organization stands, read in one pass over their heads, newest runs and plans.

What is counted is told as of each one's last run, from its plan and its four numbers: adding up the cells of thousands
of organizations takes longer than a page may. The age of the oldest overdue item is not taken from there. It is the
number by which a night that does not come, or comes and leaves things, is seen: the cells are asked for it as they are.

Rows are tuples, because all of them are sorted and searched to show fifty.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from django.utils.translation import gettext_lazy

from ebbtide.apps.orgs.database import as_platform
from ebbtide.domain.calendar import latest_night, local_day, next_night, night_start, parse_zone
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.context.console.standings import Figures, Shown, Standing, State, Trouble
from ebbtide.web.context.shared import OrgLine
from ebbtide.web.listing import Asked, Column, Listing, Table, list_rows, shown_as, sorted_rows

MISSED_AFTER = timedelta(hours=1)
"""So long after its start a night without a run is called missed: a busy worker needs a while."""
_TROUBLING = {
    RunOutcome.FAILED: "failed",
    RunOutcome.INCOMPLETE: "incomplete",
    RunOutcome.BLOCKED: "blocked",
}
_NOTHING_DUE = -1

# Moments come as seconds, times of day as text: fifty of thousands of rows are shown, and to build all moments took
# half the time. The newest run and its plan: a step into run_by_org (org, -id) and plan_of_org (org, id) for each.
_HEADS = """
    SELECT o.id, o.name, o.zone, o.night_at::text, o.armed, extract(epoch FROM o.armed_at)::bigint, o.stopped,
        extract(epoch FROM o.created_at)::bigint, r.id, r.local_date, r.outcome,
        extract(epoch FROM coalesce(r.ended_at, r.started_at))::bigint, r.purged, r.purged_bytes,
        r.failed + r.not_reached, p.items, p.bytes, p.population, p.population_bytes
    FROM orgs_organization o
    LEFT JOIN LATERAL (SELECT * FROM runs_run r WHERE r.org_id = o.id ORDER BY r.id DESC LIMIT 1) r ON true
    LEFT JOIN runs_plan p ON p.org_id = r.org_id AND p.id = r.plan_id
    WHERE o.id = %(org)s OR %(org)s IS NULL
"""


class Place(NamedTuple):
    """An organization with its last run, that run's plan, and what the calendar says of it; moments in seconds."""

    org: int
    name: str
    zone: str
    starts_at: str
    armed: bool
    armed_at: int | None
    stopped: bool
    created_at: int
    run: int | None
    on: date | None
    outcome: str | None
    ran_at: int | None
    purged: int | None
    purged_bytes: int | None
    failures: int | None
    planned: int | None
    planned_bytes: int | None
    population: int | None
    population_bytes: int | None
    due_since: date | None
    overdue: int
    night_at: datetime
    night: date
    missed: bool

    @property
    def state(self) -> State:
        """What its nights do."""
        if self.stopped:
            return "stopped"
        if not self.armed:
            return "simulating"
        return "blocked" if self.outcome == RunOutcome.BLOCKED else "armed"

    @property
    def trouble(self) -> tuple[Trouble, ...]:
        """Why it needs somebody; empty where it does not."""
        found: list[Trouble] = []
        if self.missed:
            found.append("missed")
        if self.outcome in _TROUBLING:
            found.append(_TROUBLING[RunOutcome(self.outcome)])  # type: ignore[arg-type] # one of the words above
        if self.overdue > 0 and self.armed and not self.stopped:
            found.append("overdue")
        return tuple(found)

    @property
    def backlog(self) -> int | None:
        """Items that the last run's plan named and that it left."""
        return None if self.planned is None else max(0, self.planned - (self.purged or 0))

    @property
    def backlog_bytes(self) -> int | None:
        """Bytes of them."""
        return None if self.planned_bytes is None else max(0, self.planned_bytes - (self.purged_bytes or 0))

    @property
    def items(self) -> int | None:
        """Items it held after its last run."""
        return None if self.population is None else max(0, self.population - (self.purged or 0))

    @property
    def bytes(self) -> int | None:
        """Bytes it held after its last run; None for plans of a version that did not count them."""
        return None if self.population_bytes is None else max(0, self.population_bytes - (self.purged_bytes or 0))


class _Calendar(NamedTuple):
    """What the present moment means to all organizations of one zone and one start of night."""

    today: date
    night_at: datetime
    night: date
    night_began: float


def places(*, now: datetime, org: int | None = None) -> list[Place]:
    """Read where organizations stand; two queries, whatever their number. Opens its own transaction.

    Args:
        now: the present moment (UTC).
        org: one organization's number; None for all.
    """
    with as_platform() as cursor:
        cursor.execute(_HEADS, {"org": org})
        heads = cursor.fetchall()
        # nowhere on earth is it later than tomorrow (UTC)
        tomorrow = now.date() + timedelta(days=1)
        cursor.execute("SELECT org_id, due_on FROM console_due_since(%s, %s)", [tomorrow, org])
        due: dict[int, date] = dict(cursor.fetchall())
    late = (now - MISSED_AFTER).timestamp()
    calendars: dict[tuple[str, str], _Calendar] = {}
    found = []
    for head in heads:
        zone, starts_at = head[2], head[3]
        calendar = calendars.get((zone, starts_at))
        if calendar is None:
            calendar = calendars[zone, starts_at] = _calendar(zone, starts_at, now=now)
        since = due.get(head[0])
        overdue = _NOTHING_DUE if since is None else (calendar.today - since).days
        on, created_at = head[9], head[7]
        missed = (on is None or on < calendar.night) and max(calendar.night_began, created_at) < late
        found.append(
            Place._make(
                (
                    *head,
                    since if overdue >= 0 else None,
                    max(overdue, _NOTHING_DUE),
                    calendar.night_at,
                    calendar.night,
                    missed,
                )
            )
        )
    return found


def _calendar(name: str, starts_at: str, *, now: datetime) -> _Calendar:
    at = time.fromisoformat(starts_at)
    try:
        zone = parse_zone(name)
    except (
        InputInvalid
    ):  # a zone that this host's tzdata does not know: its night waits, its line is shown all the same
        zone = parse_zone("UTC")
    night = latest_night(now, zone=zone, at=at)
    return _Calendar(
        today=local_day(now, zone=zone),
        night_at=next_night(now, zone=zone, at=at),
        night=night,
        night_began=night_start(night, zone=zone, at=at).timestamp(),
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _value(number: int) -> int | None:
    return None if number == _NOTHING_DUE else number


ORGS: Table[Place] = Table(
    name="orgs",
    columns=(
        Column(name="name", label=gettext_lazy("Organization"), value=lambda one: one.name),
        Column(name="state", label=gettext_lazy("State"), value=lambda one: one.state),
        Column(name="last", label=gettext_lazy("Last run"), value=lambda one: one.ran_at),
        Column(name="next", label=gettext_lazy("Next night"), value=lambda one: one.night_at),
        Column(name="overdue", label=gettext_lazy("Oldest overdue"), value=lambda one: one.overdue, number=True),
        Column(name="backlog", label=gettext_lazy("Backlog"), value=lambda one: one.backlog or 0, number=True),
        Column(name="failures", label=gettext_lazy("Failures"), value=lambda one: one.failures or 0, number=True),
        Column(name="storage", label=gettext_lazy("Storage"), value=lambda one: one.bytes or 0, number=True),
    ),
    sort="name",
    text=lambda one: one.name,
    row_key=lambda one: one.org,
)
"""Organizations as the page shows them."""

ORGS_CSV: Table[Place] = Table(
    name="orgs",
    columns=(
        Column(name="organization", label="", value=lambda one: f"org_{one.org}"),
        Column(name="name", label="", value=lambda one: one.name),
        Column(name="zone", label="", value=lambda one: one.zone),
        Column(name="state", label="", value=lambda one: one.state),
        Column(name="armed_since", label="", value=lambda one: _moment(one.armed_at)),
        Column(name="last_run", label="", value=lambda one: None if one.run is None else f"run_{one.run}"),
        Column(name="night", label="", value=lambda one: one.on),
        Column(name="outcome", label="", value=lambda one: one.outcome),
        Column(name="ran_at", label="", value=lambda one: _moment(one.ran_at)),
        Column(name="next_night", label="", value=lambda one: one.night_at),
        Column(name="overdue_days", label="", value=lambda one: _value(one.overdue)),
        Column(name="due_since", label="", value=lambda one: one.due_since),
        Column(name="backlog_items", label="", value=lambda one: one.backlog),
        Column(name="backlog_bytes", label="", value=lambda one: one.backlog_bytes),
        Column(name="failures", label="", value=lambda one: one.failures),
        Column(name="items", label="", value=lambda one: one.items),
        Column(name="bytes", label="", value=lambda one: one.bytes),
        Column(name="trouble", label="", value=lambda one: " ".join(one.trouble)),
    ),
    sort="name",
)
"""The same for a spreadsheet, which has room for every number."""


def narrowed(found: Iterable[Place], *, shown: Shown) -> list[Place]:
    """Keep the organizations of a state, or those in trouble."""
    if shown == "":
        return list(found)
    if shown == "trouble":
        return [one for one in found if one.trouble]
    return [one for one in found if one.state == shown]


def page_of(found: Iterable[Place], *, asked: Asked) -> Listing[Standing]:
    """Give the page of organizations that is asked for."""
    return shown_as(list_rows(ORGS, found, asked=asked), line=standing)


def rows_of(found: Iterable[Place], *, asked: Asked) -> list[Place]:
    """Give all organizations that are asked for, for a spreadsheet."""
    return sorted_rows(ORGS, found, asked=asked)


def org_line(one: Place) -> OrgLine:
    """Name an organization."""
    return OrgLine(id=one.org, name=one.name, zone=one.zone, armed=one.armed)


def standing(one: Place) -> Standing:
    """Fill in the line of an organization."""
    return Standing(
        org=org_line(one),
        state=one.state,
        armed_at=_moment(one.armed_at),
        run=one.run,
        on=one.on,
        outcome=None if one.outcome is None else RunOutcome(one.outcome),
        ran_at=_moment(one.ran_at),
        night_at=one.night_at,
        overdue=_value(one.overdue),
        due_since=one.due_since,
        backlog=one.backlog,
        backlog_bytes=one.backlog_bytes,
        failures=one.failures or 0,
        items=one.items,
        bytes=one.bytes,
        trouble=one.trouble,
    )


def figures(found: Iterable[Place]) -> Figures:
    """Add all organizations up."""
    orgs = armed = troubled = purged = purged_bytes = items = size = 0
    worst: Place | None = None
    for one in found:
        orgs += 1
        armed += one.armed
        troubled += bool(one.trouble)
        items += one.items or 0
        size += one.bytes or 0
        if one.on is not None and one.on >= one.night:
            purged += one.purged or 0
            purged_bytes += one.purged_bytes or 0
        if one.armed and one.overdue >= 0 and (worst is None or one.overdue > worst.overdue):
            worst = one
    return Figures(
        orgs=orgs,
        armed=armed,
        simulating=orgs - armed,
        troubled=troubled,
        overdue=None if worst is None else worst.overdue,
        overdue_org=None if worst is None else org_line(worst),
        purged=purged,
        purged_bytes=purged_bytes,
        items=items,
        bytes=size,
    )
