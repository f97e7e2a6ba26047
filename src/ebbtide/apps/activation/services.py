"""What may be done about switching deletion on and off: ask, withdraw, decline, arm, disarm, stop, release.

Each step is one call of a function in the database, which asks anew who this is and whether it may be (sql/rules.sql).
What is asked here before it is asked so that a person is told why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ebbtide.apps.activation.evidence import due, newest_simulation
from ebbtide.apps.activation.mail import admins, operators, tell
from ebbtide.apps.activation.models import Request, State
from ebbtide.apps.activation.selectors import evidence_of, open_request, stale
from ebbtide.apps.orgs.database import WEB, acting_in
from ebbtide.apps.orgs.locks import wait_until_at_rest
from ebbtide.apps.orgs.models import Organization, User
from ebbtide.apps.orgs.selectors import refreshed
from ebbtide.apps.runs.tasks import defer_simulation
from ebbtide.domain.errors import EvidenceStale, InputInvalid, NotArmed, Taken
from ebbtide.domain.evidence import check_age, check_growth, check_jobs
from ebbtide.domain.identity import parse_id

SIMULATE_EVERY = timedelta(minutes=10)
"""A simulation that holds and is younger than this is new enough."""


@dataclass(frozen=True, slots=True)
class By:
    """Who takes a step, when, and where its page is (a whole address, for letters).

    `at` is handed in because pages' times come from the request; the database stamps what it writes itself.
    """

    user: User
    at: datetime
    url: str


def ask(org: Organization, *, run: str, note: str, by: By) -> Request:
    """Ask for deletion to be switched on, on a simulation that was looked at.

    A request that does not hold any more is replaced.

    Args:
        org: the organization, read for this request.
        run: public id of the simulation that was shown.
        note: for the operator; may be empty.
        by: who asks.

    Raises:
        InputInvalid: it is armed already.
        EvidenceStale: there is no simulation that bears it, or another one came in since.
        Taken: there is an open request.
    """
    if org.armed:
        raise InputInvalid(_("Deletion is switched on already: there is nothing to ask for."))
    number = parse_id("run", run)
    try:
        with transaction.atomic(using=WEB), acting_in(org.id) as cursor:
            simulation = newest_simulation(org, now=by.at)
            if simulation is None or simulation.unfit:
                why = simulation.unfit if simulation else _("No night has been simulated yet.")
                raise EvidenceStale(why + " " + _("Ask once there is a new simulation."))
            if simulation.run.id != number:
                raise EvidenceStale(
                    _("Another simulation has come in since you opened this page: look at its numbers, then ask.")
                )
            standing = open_request(org=org.id)
            if standing is not None and not stale(standing, org=org, now=by.at):
                raise Taken(_("There is an open request already: withdraw it before you make another."))
            if standing is not None:
                cursor.execute("SELECT activation_close(%s, 'expired', %s, '')", [standing.id, by.user.pk])
            plan = simulation.plan
            made = Request.objects.create(
                org_id=org.id,
                run_id=simulation.run.id,
                note=note.strip(),
                asked_by=by.user.email,
                plan_id=plan.id,
                sha256=plan.sha256,
                jobs_version=plan.jobs_version,
                simulated_at=plan.made_at,
                as_of=plan.as_of,
                cells=plan.cells,
                items=plan.items,
                bytes=plan.bytes,
                population=plan.population,
            )
    except IntegrityError as exc:
        raise Taken(_("There is an open request already: somebody was faster.")) from exc
    tell(
        operators(),
        org=org,
        subject=_("deletion is to be switched on"),
        said=[
            _("%(who)s of %(org)s asks for deletion to be switched on.") % {"who": by.user.email, "org": org.name},
            _("The first live night would take %(items)s of %(all)s items.")
            % {"items": f"{made.items:,}", "all": f"{made.population:,}"},
            made.note,
        ],
        url=by.url,
    )
    return made


def withdraw(org: Organization, *, request: str, by: By) -> None:
    """Take an open request back.

    Raises:
        NotYours: there is no such request.
        Taken: it is not open any more.
    """
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT activation_close(%s, 'withdrawn', %s, '')", [parse_id("req", request), by.user.pk])


def decline(request: Request, *, reason: str, by: By) -> None:
    """Say no to an open request; the organization sees the reason.

    Raises:
        InputInvalid: no reason was given.
        NotYours: by is no operator.
        Taken: it is not open any more.
    """
    reason = _reason(reason)
    with acting_in(request.org_id) as cursor:
        cursor.execute("SELECT activation_close(%s, 'declined', %s, %s)", [request.id, by.user.pk, reason])
    org = refreshed(request.org_id)
    tell(
        admins(org.id),
        org=org,
        subject=_("deletion stays off"),
        said=[_("The platform operator has declined the request to switch deletion on."), _why(reason)],
        url=by.url,
    )


def arm(request: Request, *, reason: str, by: By) -> None:
    """Switch deletion on, on an open request whose evidence still holds: from now on nights delete for good.

    Args:
        request: the request.
        reason: kept for ever, and seen by the organization.
        by: an operator.

    Raises:
        InputInvalid: no reason was given.
        EvidenceStale: the simulation is too old, the jobs have changed, or much more is due than was shown.
        NotYours: by is no operator.
        Taken: it is not open any more, or the organization is armed.
    """
    reason = _reason(reason)
    with acting_in(request.org_id) as cursor:
        org = Organization.objects.get(id=request.org_id)
        shown = evidence_of(request)
        if request.state == State.OPEN:
            try:
                check_jobs(shown, jobs_version=org.jobs_version)
                check_age(shown, now=by.at)
                check_growth(shown, due=sum(one.items for one in due(org, now=by.at).values()))
            except EvidenceStale as stale_:
                raise EvidenceStale(
                    stale_.message + " " + _("Nothing was switched on: the organization has to ask anew.")
                ) from stale_
        cursor.execute("SELECT activation_arm(%s, %s, %s)", [request.id, by.user.pk, reason])
    tell(
        admins(org.id),
        org=org,
        subject=_("deletion is switched on"),
        said=[
            _("The platform operator has switched deletion on. From the next night on, what has outlived its retention "
              "is deleted for good; nobody can bring it back."),
            _why(reason),
        ],
        url=by.url,
    )  # fmt: skip


def disarm(org: Organization, *, reason: str, by: By) -> None:
    """Switch deletion off; when this returns, nothing is deleted any more, also of a run that was going on.

    Raises:
        InputInvalid: no reason was given.
        NotArmed: it was off already.
        NotYours: by is no operator.
    """
    reason = _reason(reason)
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT activation_disarm(%s, %s)", [by.user.pk, reason])
        turned: bool = cursor.fetchone()[0]
    wait_until_at_rest(org.id)
    if not turned:
        raise NotArmed(_("Deletion was off already: somebody was faster."))
    tell(
        admins(org.id),
        org=org,
        subject=_("deletion is switched off"),
        said=[_("The platform operator has switched deletion off. Nights only report from now on."), _why(reason)],
        url=by.url,
    )


def stop(org: Organization, *, reason: str, by: By, as_operator: bool) -> None:
    """Switch the organization's kill switch on; when this returns, nothing of it is deleted any more.

    Raises:
        InputInvalid: no reason was given.
        NotYours: by is neither a member nor, as operator, one.
        Taken: it was on already.
    """
    reason = _reason(reason)
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT activation_stop(%s, %s, %s)", [by.user.pk, as_operator, reason])
        turned: bool = cursor.fetchone()[0]
    wait_until_at_rest(org.id)
    if not turned:
        raise Taken(_("The kill switch was on already: nothing is deleted."))
    who = _("The platform operator") if as_operator else by.user.email
    tell(
        admins(org.id) if as_operator else operators(),
        org=org,
        subject=_("all deletion is stopped"),
        said=[_("%(who)s has switched the organization's kill switch on.") % {"who": who}, _why(reason)],
        url=by.url,
    )


def release(org: Organization, *, reason: str, by: By, as_operator: bool) -> None:
    """Switch the organization's kill switch off: where it is armed, nights delete again.

    Raises:
        InputInvalid: no reason was given.
        NotYours: somebody else has switched it on, and by is no operator.
        Taken: it was off already.
    """
    reason = _reason(reason)
    with acting_in(org.id) as cursor:
        cursor.execute("SELECT activation_release(%s, %s, %s)", [by.user.pk, as_operator, reason])
        turned: bool = cursor.fetchone()[0]
    if not turned:
        raise Taken(_("The kill switch was off already."))


def simulate_now(org: Organization, *, now: datetime) -> None:
    """Ask the worker for a simulation, which deletes nothing.

    Raises:
        InputInvalid: the organization is armed: a run of it would delete.
        Taken: one is waiting already, or the newest is new enough.
    """
    if org.armed:
        raise InputInvalid(_("Deletion is switched on: a run would not be a simulation."))
    with acting_in(org.id):
        newest = newest_simulation(org, now=now)
    if newest is not None and not newest.unfit and now - newest.plan.made_at < SIMULATE_EVERY:
        raise Taken(_("The newest simulation is only minutes old: it is new enough."))
    if not defer_simulation(org.id):
        raise Taken(_("A simulation has been asked for already."))


def _reason(text: str) -> str:
    if not text.strip():
        raise InputInvalid(_("Give a reason: it is kept with the change."), field="reason")
    return text.strip()


def _why(reason: str) -> str:
    return _("Reason: %(reason)s") % {"reason": reason}
