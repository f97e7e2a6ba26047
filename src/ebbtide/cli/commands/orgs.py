"""Organizations, their queues and their people."""

import secrets
from dataclasses import asdict, replace
from typing import Annotated

import typer

from ebbtide.apps.accounts import members, set_up
from ebbtide.apps.accounts import services as accounts
from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.console.organization import settings_of
from ebbtide.apps.console.services import change_settings
from ebbtide.apps.orgs import selectors, services
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.throttling import throttle_set, told
from ebbtide.cli import show
from ebbtide.cli.session import Session, command
from ebbtide.cli.throttles import Hours, Objects, Rows, read_limit, read_throttle, tell_throttle
from ebbtide.domain.calendar import next_night, parse_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.web.address import DEFAULT_ADDRESS

app = typer.Typer(help="Organizations: the contact centres on this platform.", no_args_is_help=True)
queues = typer.Typer(help="Queues (shown as Q).", no_args_is_help=True)
users = typer.Typer(help="People who sign in to the web interface.", no_args_is_help=True)

Org = Annotated[str, typer.Argument(metavar="ORG", help="Id (org_…) or unique name.")]
Address = Annotated[str, typer.Option("--url", help="Where people open the web interface; the link begins so.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the change.")]


def _told(session: Session, org: Organization) -> None:
    def text() -> None:
        state = f"armed since {org.armed_at:%Y-%m-%d %H:%M} UTC" if org.armed_at else "simulating: nothing is deleted"
        if org.stopped:
            state += "; its kill switch is on"
        night = next_night(session.clock.now(), zone=parse_zone(org.zone), at=org.night_at)
        session.line(f"{public_id('org', org.id)}  {org.name}")
        session.line(f"  zone        {org.zone}")
        session.line(f"  onboarded   {org.onboarded_on}")
        session.line(f"  next night  {night.astimezone(parse_zone(org.zone)):%Y-%m-%d %H:%M %Z}")
        session.line(f"  state       {state}")

    session.emit(show.organization(org), text=text)


@command(app, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique on this platform.")],
    tz: Annotated[str, typer.Option(help="IANA time zone, e.g. Europe/Berlin; it never changes.")],
    onboarded: Annotated[
        str,
        typer.Option(
            help="Date of onboarding, YYYY-MM-DD; from 2022-01-01 on a Global job of 400 days is made with it."
        ),
    ],
    night: Annotated[str, typer.Option(help="Local time at which its nights start, HH:MM.")] = "02:00",
) -> None:
    """Add an organization; deletion is off until it is armed."""
    org = onboard(
        name,
        zone=tz,
        onboarded_on=parse_day(onboarded, field="onboarded"),
        night_at=services.parse_clock(night, field="night"),
        actor=session.actor,
    )
    _told(session, org)


@command(app, "list")
def list_(session: Session) -> None:
    """List all organizations."""
    found = selectors.organizations()
    session.emit(
        [show.organization(org) for org in found],
        text=lambda: session.table(
            ["id", "name", "zone", "onboarded", "deletion"],
            [
                [public_id("org", org.id), org.name, org.zone, org.onboarded_on, "armed" if org.armed else "simulating"]
                for org in found
            ],
            empty="No organization yet: add one with `ebbtide org create`.",
        ),
    )


@command(app, "show")
def show_(session: Session, org: Org) -> None:
    """Show an organization."""
    _told(session, selectors.find_organization(org))


@command(app, "arm")
def arm(session: Session, org: Org, reason: Reason = "") -> None:
    """Switch deletion on: from now on its nights delete for good."""
    found = selectors.find_organization(org)
    if not services.arm(found.id, reason=reason, actor=session.actor, now=session.clock.now()):
        session.say(f"{found.name} was armed already.")
    _told(session, selectors.refreshed(found.id))


@command(app, "disarm")
def disarm(session: Session, org: Org, reason: Reason = "") -> None:
    """Switch deletion off, at once, also in the middle of a run."""
    found = selectors.find_organization(org)
    if not services.disarm(found.id, reason=reason, actor=session.actor, now=session.clock.now()):
        session.say(f"{found.name} was not armed.")
    _told(session, selectors.refreshed(found.id))


@command(app, "throttle")
def throttle(
    session: Session,
    org: Org,
    rows: Rows = None,
    objects: Objects = None,
    hours: Hours = None,
    nightly: Annotated[
        str | None, typer.Option(help="Items a live night takes, oldest first, or `none` for all that is due.")
    ] = None,
) -> None:
    """Set how much a night takes, how fast, and in which hours; without an option it only shows that."""
    found = selectors.find_organization(org)
    with acting_in(found.id):
        before = settings_of(selectors.refreshed(found.id))
    asked = read_throttle(throttle_set(found), rows=rows, objects=objects, hours=hours)
    amount = read_limit(nightly, before=before.nightly_amount, field="nightly")
    settings = replace(before, nightly_amount=amount, **asdict(asked))
    if settings != before:
        change_settings(found.id, settings=settings, actor=session.actor)

    def text() -> None:
        session.line(f"{public_id('org', found.id)}  {found.name}")
        session.line(f"  items a night     {'all that is due' if amount is None else f'{amount:,}, oldest first'}")
        tell_throttle(session, asked)

    session.emit({"org": public_id("org", found.id), "nightly_amount": amount, **told(asked)}, text=text)


@command(queues, "list")
def list_queues(session: Session, org: Org) -> None:
    """List an organization's queues."""
    found = selectors.find_organization(org)
    with acting_in(found.id):
        listed = catalog.queues(org=found.id)
    session.emit(
        [{"id": public_id("que", one.id), "name": one.name, "archived_at": one.archived_at} for one in listed],
        text=lambda: session.table(
            ["id", "name", "archived"],
            [[public_id("que", one.id), one.name, one.archived_at] for one in listed],
            empty="No Q yet: they come with the first import.",
        ),
    )


@command(users, "create")
def create_user(
    session: Session,
    email: Annotated[str, typer.Argument(help="E-mail address; the person signs in with it.")],
    org: Annotated[str, typer.Option(help="Make them a member of this organization.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="As its admin.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="As operator of the platform.")] = False,
) -> None:
    """Add a person; their first password is printed once."""
    found = selectors.find_organization(org) if org else None
    password = secrets.token_urlsafe(12)
    user = services.create_user(email, password=password, is_operator=operator)
    if found is not None:
        members.add_member(found.id, user=user, is_admin=admin, actor=session.actor)
    session.emit(
        {"email": user.email, "password": password},
        text=lambda: session.line(f"{user.email} signs in with {password}"),
    )


@command(users, "invite")
def invite(
    session: Session,
    email: Annotated[str, typer.Argument(help="E-mail address of whom to invite.")],
    org: Annotated[str, typer.Option(help="The organization they will be a member of.")],
    admin: Annotated[bool, typer.Option("--admin", help="As its admin.")] = False,
    url: Address = DEFAULT_ADDRESS,
) -> None:
    """Invite somebody to an organization by e-mail; the link, good once for seven days, is printed too."""
    sent = accounts.invite(
        selectors.find_organization(org).id,
        email=email,
        is_admin=admin,
        groups=(),
        actor=session.actor,
        now=session.clock.now(),
        base_url=url,
    )
    session.emit(
        {"email": sent.email, "link": sent.link, "delivered": sent.delivered},
        text=lambda: session.line(f"{sent.email} joins with {sent.link}"),
    )
    if not sent.delivered:
        session.say("The e-mail could not be sent: hand the link over yourself, or check EBBTIDE_SMTP_URL.")


@command(users, "set-up-link")
def set_up_link(session: Session, url: Address = DEFAULT_ADDRESS) -> None:
    """Print a new one-time link by which the first operator is made; good for 24 hours, while there is none."""
    link = set_up.make_link(url, now=session.clock.now())
    session.emit({"link": link}, text=lambda: session.line(link))


@command(users, "reset-factors")
def reset_factors(
    session: Session, email: Annotated[str, typer.Argument(help="E-mail address of the account.")]
) -> None:
    """Remove somebody's second factors, for when phone, key and recovery codes are lost; their password stays."""
    count = members.reset_factors(email)
    session.emit(
        {"email": email.lower(), "removed": count},
        text=lambda: session.line(f"{email.lower()} has no second factor any more ({count} removed)."),
    )
