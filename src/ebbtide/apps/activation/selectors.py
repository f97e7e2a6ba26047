"""What there is to see of requests, and of the flags' history."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Greatest

from ebbtide.apps.activation.models import Request, State
from ebbtide.apps.orgs.database import as_platform
from ebbtide.apps.orgs.models import FlagChange, Organization
from ebbtide.domain.errors import EvidenceStale
from ebbtide.domain.evidence import EVIDENCE_AGE, Evidence, check_age, check_jobs
from ebbtide.domain.identity import not_found, parse_id
from ebbtide.web.context.activation import What

OPERATOR = "operator "
"""What an operator's name begins with in histories; no e-mail address does."""


def open_request(*, org: int) -> Request | None:
    """Give the organization's open request; expects an open transaction in it."""
    return Request.objects.filter(org_id=org, state=State.OPEN).defer("breakdown").first()


def last_request(*, org: int) -> Request | None:
    """Give the organization's newest request; expects an open transaction in it."""
    return Request.objects.filter(org_id=org).defer("breakdown").order_by("-id").first()


def evidence_of(request: Request) -> Evidence:
    """Give what a request rests on, as the rules know it."""
    return Evidence(request.simulated_at, request.jobs_version, request.items)


def stale(request: Request, *, org: Organization, now: datetime) -> str:
    """Say why an open request does not hold any more; empty where it does."""
    try:
        check_jobs(evidence_of(request), jobs_version=org.jobs_version)
        check_age(evidence_of(request), now=now)
    except EvidenceStale as refusal:
        return refusal.message
    return ""


def request_for_operator(text: str) -> Request:
    """Find a request of any organization with that organization, for the operator; opens its own transaction.

    Raises:
        NotYours: there is none.
    """
    with as_platform():
        found = Request.objects.select_related("org").filter(id=parse_id("req", text)).first()
    if found is None:
        raise not_found("req", text)
    return found


def org_for_operator(text: str) -> Organization:
    """Find an organization by its public id, for the operator; opens its own transaction.

    Raises:
        NotYours: there is none.
    """
    with as_platform():
        found = Organization.objects.filter(id=parse_id("org", text)).first()
    if found is None:
        raise not_found("org", text)
    return found


def requests(*, now: datetime) -> QuerySet[Request]:
    """All requests with their organizations, for the operator; expects an open transaction of the platform.

    Each has `stands` (its state; `expired` also where it is open and does not hold any more) and `share` (what it
    would take, in thousandths of all items).
    """
    gone = Q(state=State.OPEN) & (Q(simulated_at__lt=now - EVIDENCE_AGE) | ~Q(jobs_version=F("org__jobs_version")))
    return (
        Request.objects.select_related("org")
        .defer("breakdown")
        .annotate(
            stands=Case(When(gone, then=Value(State.EXPIRED.value)), default=F("state"), output_field=TextField()),
            share=Case(
                When(population=0, then=Value(0)),
                default=F("items") * 1000 / Greatest(F("population"), 1),
                output_field=BigIntegerField(),
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the history.

    Attributes:
        key: what it is known by.
        at: aware instant.
        what: asked, expired, withdrawn, declined, armed, disarmed, stopped or released.
        actor: an e-mail address, or `operator ` and a name.
        reason: as given; may be empty.
        request: number of the request it is about; None where it is about none.
    """

    key: str
    at: datetime
    what: What
    actor: str
    reason: str
    request: int | None = None


_TURNS: dict[tuple[str, bool], What] = {
    ("armed", True): "armed",
    ("armed", False): "disarmed",
    ("stopped", True): "stopped",
    ("stopped", False): "released",
}
_ENDS: dict[str, What] = {"declined": "declined", "withdrawn": "withdrawn", "expired": "expired"}


def history(*, org: int) -> list[Happening]:
    """Give all that was ever asked, answered and turned; expects an open transaction in the organization.

    An arming stands once, as the turn of the flag, with the number of the request it granted.
    """
    found: list[Happening] = []
    granted: dict[datetime, int] = {}
    for one in Request.objects.filter(org_id=org).defer("breakdown"):
        found.append(Happening(f"asked {one.id}", one.asked_at, "asked", one.asked_by, one.note, one.id))
        if one.closed_at is None:
            continue
        if one.state == State.ARMED:
            granted[one.closed_at] = one.id
        else:
            found.append(
                Happening(f"closed {one.id}", one.closed_at, _ENDS[one.state], one.closed_by, one.answer, one.id)
            )
    for turn in FlagChange.objects.filter(org_id=org):
        what = _TURNS[turn.flag, turn.value]
        request = granted.get(turn.at) if what == "armed" else None
        found.append(Happening(f"turn {turn.id}", turn.at, what, turn.actor, turn.reason, request))
    return found


def last_turn(*, org: int, flag: str, value: bool) -> FlagChange | None:
    """Give the newest turn of a flag to a value; expects an open transaction in the organization."""
    return FlagChange.objects.filter(org_id=org, flag=flag, value=value).order_by("-id").first()
