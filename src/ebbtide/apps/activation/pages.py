"""The organization's own pages about deletion, as they are shown. Every function expects an open transaction in it."""

from dataclasses import dataclass, replace
from datetime import datetime

from ebbtide.apps.activation.evidence import Simulation, capped, newest_simulation, planned
from ebbtide.apps.activation.models import Request, State
from ebbtide.apps.activation.selectors import OPERATOR, Happening, history, last_request, stale
from ebbtide.apps.activation.services import SIMULATE_EVERY
from ebbtide.apps.activation.tables import (
    HISTORY,
    NIGHT,
    amount_lines,
    by_type,
    history_line,
    history_lines,
    told_to_members,
    told_to_operators,
)
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.pages import queue_lines
from ebbtide.apps.runs.models import Plan
from ebbtide.apps.runs.tasks import simulation_is_waiting
from ebbtide.domain.calendar import next_night, parse_zone
from ebbtide.web.context.activation import (
    AmountLine,
    AskPage,
    DeletionPage,
    EvidenceNote,
    HistoryLine,
    RequestNote,
    Stands,
)
from ebbtide.web.listing import Asked, list_rows


@dataclass(frozen=True, slots=True)
class Tables:
    """What is asked of the page's two tables."""

    night: Asked
    history: Asked


def deletion_page(org: Organization, *, now: datetime, asked: Tables, person: str, may_change: bool) -> DeletionPage:
    """Give the page.

    Args:
        org: the organization, read for this request.
        now: the request's moment.
        asked: of its tables.
        person: e-mail address of who looks.
        may_change: whether they may manage Data Management.
    """
    happened = sorted(history(org=org.id), key=lambda one: one.at)
    simulation = None if org.armed else newest_simulation(org, now=now)
    last = None if org.armed else last_request(org=org.id)
    if last is not None and last.state in {State.ARMED, State.WITHDRAWN}:
        last = None  # the history has what they did themselves, and an arming that was taken back
    request = None if last is None else request_note(org, last, now=now, for_operator=False)
    waiting = not org.armed and simulation_is_waiting(org.id)
    fit = simulation is not None and not simulation.unfit
    stopped = newest(happened, "stopped") if org.stopped else None
    free = request is None or request.stands != "open"
    fresh = simulation is not None and fit and now - simulation.plan.made_at < SIMULATE_EVERY
    lines = night_lines(org, simulation)
    return DeletionPage(
        armed=org.armed,
        since=_line(newest(happened, "armed" if org.armed else "disarmed")),
        stopped=_line(stopped),
        may_release=may_change and stopped is not None and stopped.actor == person,
        next_night=next_night(now, zone=parse_zone(org.zone), at=org.night_at),
        request=request,
        evidence=None if simulation is None else evidence_note(org, simulation),
        waiting=waiting,
        may_ask=may_change and not org.armed and fit and free and not waiting,
        may_simulate=may_change and not org.armed and not waiting and not fresh,
        types=() if simulation is None else by_type(lines),
        night=None if simulation is None else list_rows(NIGHT, lines, asked=asked.night),
        history=list_rows(HISTORY, history_lines(happened, for_operator=False), asked=asked.history),
    )


def ask_page(org: Organization, *, simulation: Simulation) -> AskPage:
    """Give the page of the form that asks, on a simulation."""
    return AskPage(evidence=evidence_note(org, simulation), types=by_type(night_lines(org, simulation)))


def night_lines(org: Organization, simulation: Simulation | None) -> list[AmountLine]:
    """Give what the first live night would take, by Q and data type; nothing before the first simulation."""
    if simulation is None:
        return []
    found = planned(simulation.plan.id, org=org.id)
    return amount_lines(found, found, queues=queue_lines(org=org.id))


def newest(happened: list[Happening], what: str) -> Happening | None:
    """Give the newest line of a kind, of lines in the order of time."""
    return next((one for one in reversed(happened) if one.what == what), None)


def _line(one: Happening | None) -> HistoryLine | None:
    return None if one is None else history_line(one, for_operator=False)


def evidence_note(org: Organization, simulation: Simulation) -> EvidenceNote:
    """Tell a simulation."""
    note = plan_note(org, simulation.plan, run=simulation.run.id)
    return replace(note, unfit=simulation.unfit)


def plan_note(org: Organization, plan: Plan, *, run: int) -> EvidenceNote:
    """Tell the plan of a run."""
    return EvidenceNote(
        run=run,
        plan=plan.id,
        digest=bytes(plan.sha256).hex(),
        made_at=plan.made_at,
        as_of=plan.as_of,
        items=plan.items,
        bytes=plan.bytes,
        cells=plan.cells,
        population=plan.population,
        percent=percent(plan.items, of=plan.population),
        oldest=plan.oldest,
        newest=plan.newest,
        oldest_age=None if plan.oldest is None else (plan.as_of - plan.oldest).days,
        capped=capped(org, items=plan.items, population=plan.population),
    )


def percent(items: int, *, of: int) -> float:
    """Give a share in percent; 0 of nothing."""
    return items * 100 / of if of else 0.0


def request_note(org: Organization, request: Request, *, now: datetime, for_operator: bool) -> RequestNote:
    """Tell a request to whoever looks."""
    why = stale(request, org=org, now=now) if request.state == State.OPEN else ""
    if for_operator:
        closed_by = told_to_operators(request.closed_by)
    else:
        by_operator = request.state in {State.ARMED, State.DECLINED}
        closed_by = told_to_members(OPERATOR if by_operator else request.closed_by)
    return RequestNote(
        id=request.id,
        stands=_stands(request, stale=why),
        stale=why,
        note=request.note,
        asked_by=request.asked_by,
        asked_at=request.asked_at,
        closed_by=closed_by,
        closed_at=request.closed_at,
        answer=request.answer,
    )


def _stands(request: Request, *, stale: str) -> Stands:
    return "expired" if stale else State(request.state).value  # type: ignore[return-value] # the five of State
