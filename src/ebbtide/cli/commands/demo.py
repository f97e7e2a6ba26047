"""The demo: filled, played and served."""

import json
from contextlib import suppress
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer
from django.conf import settings
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ebbtide.apps.demo import office, showing
from ebbtide.apps.demo.costs import bill
from ebbtide.apps.demo.showing import Filled, Shown
from ebbtide.apps.insights.hours import sum_up_due
from ebbtide.apps.orgs.models import User
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.runs.models import Plan
from ebbtide.apps.runs.services import Stop
from ebbtide.cli import show
from ebbtide.cli.commands.serve import Host, Port, refuse_taken_port, serve_all
from ebbtide.cli.session import Session, command, database
from ebbtide.cli.stopping import stop_asked
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import Broken, InputInvalid
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import RunOutcome
from ebbtide.web.address import PORT

_MARKER = "demo.json"
_NIGHTS_AT_ONCE = 2


def register(root: typer.Typer) -> None:
    """Add the command."""
    command(root, "demo", needs_database=False)(demo)


def demo(
    session: Session,
    once: Annotated[bool, typer.Option("--once", help="End after the figures; serve nothing.")] = False,
    segments: Annotated[int, typer.Option(help="About how many report rows, over both centres.", min=100)] = 200_000,
    days: Annotated[int, typer.Option(help="How many days back they reach.", min=2, max=2000)] = 500,
    host: Host = "127.0.0.1",
    port: Port = PORT,
) -> None:
    """Fill two invented contact centres, simulate their night, run one of them live, and serve what came of it."""
    if not settings.EBBTIDE_EMBEDDED:
        raise InputInvalid(
            "The demo has a database of its own, in its data folder: unset DATABASE_URL to see it.",
            field="DATABASE_URL",
        )
    if not once:
        refuse_taken_port(host, port=port)
    figures = _earlier(session.data)
    with stop_asked() as stop, database():
        if figures is None:
            marker = session.data / _MARKER
            marker.write_text(json.dumps({"finished": False}))
            figures = _make(session, segments=segments, days=days, stop=stop)
            _insist(figures)
            marker.write_text(json.dumps(figures, default=_plain))
        else:
            session.say(f"{session.data} holds the demo already: nothing is made anew.")
        figures["logins"] = _logins()
        session.emit(figures, text=lambda: _tell(session, figures))
        if not once and not stop():
            serve_all(session, host=host, port=port, concurrency=_NIGHTS_AT_ONCE, stop=stop)


def _earlier(folder: Path) -> dict[str, Any] | None:
    """Give the figures of the demo in a folder; None for a fresh folder.

    Raises:
        InputInvalid: the folder holds something else, or a demo that was broken off.
    """
    with suppress(FileNotFoundError):
        told: dict[str, Any] = json.loads((folder / _MARKER).read_text())
        if not told["finished"]:
            raise InputInvalid(
                f"The demo in {folder} was broken off while it was made: remove that folder, or give another.",
                field="data",
            )
        return told
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputInvalid(
            f"{folder} holds something that is no demo: give a new folder, so that nothing of it is touched.",
            field="data",
        )
    return None


def _make(session: Session, *, segments: int, days: int, stop: Stop) -> dict[str, Any]:
    began = monotonic()
    filled: list[Filled] = []
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=session.err, disable=session.is_json, transient=True) as progress:
        shares = _shares(segments)
        bars = {
            centre.name: progress.add_task(centre.name, total=share)
            for centre, share in zip(showing.CENTRES, shares, strict=True)
        }

        def advance(name: str, so_far: int) -> None:
            progress.update(bars[name], completed=so_far)
            if stop():
                raise KeyboardInterrupt

        for centre, share in zip(showing.CENTRES, shares, strict=True):
            filled.append(
                showing.fill(
                    centre,
                    segments=share,
                    days=days,
                    clock=session.clock,
                    told=advance,
                )
            )
    armed = filled[-1].org
    showing.add_desktop_job(armed)
    bill([one.org for one in filled], actor=showing.ACTOR, clock=session.clock)
    sum_up_due(now=session.clock.now(), stop=stop)  # before anything is purged, so that the run takes sums along too

    def seen(plan: Plan) -> None:
        session.say(
            f"The plan of {armed.name} as of {plan.as_of}: {plan.items:,} items ({show.size(plan.bytes)}) of "
            f"{plan.oldest} to {plan.newest}, out of {plan.population:,}. Seen, confirmed, carried out."
        )

    shown = showing.play(armed=armed, clock=session.clock, stop=stop, seen=seen)
    _people_it(session)
    return {
        "finished": True,
        "seconds": round(monotonic() - began, 2),
        "filled": [
            {
                "name": one.org.name,
                "segments": one.segments,
                "recordings": one.recordings,
                "seconds": round(one.seconds, 2),
            }
            for one in filled
        ],
        "organizations": [_figures(one) for one in shown],
    }


def _people_it(session: Session) -> None:
    """Let people do in both centres what people do there."""
    url = f"http://127.0.0.1:{PORT}/"
    showing.let_in(showing.OPERATOR, is_operator=True)
    for centre in showing.CENTRES:
        org = find_organization(centre.name)
        admin, analyst = (showing.email_in(centre, name=name) for name in ("admin", "analyst"))
        showing.let_in(admin, org=org)
        showing.let_in(analyst)
        someone = User.objects.get(email=admin)
        office.furnish(org, admin=someone, analyst=User.objects.get(email=analyst), url=url, clock=session.clock)
        if not org.armed:
            office.ask_for_deletion(org, admin=someone, url=url, clock=session.clock)


def _insist(figures: dict[str, Any]) -> None:
    """End where the live run did not come to its end: stopped by a person, or something is wrong with the product."""
    for one in figures["organizations"]:
        live = one["live"]
        if live is not None and live["outcome"] is None:
            raise KeyboardInterrupt
        if live is not None and live["outcome"] != RunOutcome.COMPLETED:
            raise Broken(f"The live run of {one['name']} ended as {live['outcome']}: {live['reason']}")


def _shares(segments: int) -> tuple[int, int]:
    smaller = segments * 45 // 100
    return smaller, segments - smaller


def _figures(one: Shown) -> dict[str, Any]:
    return {
        "id": public_id("org", one.org.id),
        "name": one.org.name,
        "onboarded_on": one.org.onboarded_on,
        "armed": one.org.armed,
        "by_type": {
            str(kind): {
                "before": one.before[kind],
                "would_go": one.would_go[kind],
                "gone": one.gone[kind],
                "left": one.left[kind],
            }
            for kind in DataType
        },
        "simulated": show.run(one.simulated),
        "plan": None if one.plan is None else show.plan(one.plan),
        "live": None if one.live is None else show.run(one.live),
        "live_seconds": round(one.seconds, 3),
    }


def _logins() -> list[dict[str, str]]:
    """Give everybody who can sign in a new password; the earlier ones are known to nobody."""
    people: list[dict[str, str]] = [
        {
            "email": showing.OPERATOR,
            "password": showing.let_in(showing.OPERATOR, is_operator=True),
            "as": "operator of the platform",
        }
    ]
    for centre in showing.CENTRES:
        email = showing.email_in(centre, name="admin")
        password = showing.let_in(email, org=find_organization(centre.name))
        people.append({"email": email, "password": password, "as": f"admin of {centre.name}"})
    for centre in showing.CENTRES:
        email = showing.email_in(centre, name="analyst")
        people.append({"email": email, "password": showing.let_in(email), "as": f"may look on in {centre.name}"})
    return people


def _tell(session: Session, figures: dict[str, Any]) -> None:
    for one in figures["filled"]:
        rate = (one["segments"] + one["recordings"]) / max(one["seconds"], 0.001)
        session.line(
            f"{one['name']}: {one['segments']:,} segments and {one['recordings']:,} recordings brought in, in "
            f"{one['seconds']:.1f} s ({rate:,.0f} a second)."
        )
    for one in figures["organizations"]:
        session.line("")
        session.line(f"{one['name']}, onboarded {one['onboarded_on']}, {'armed' if one['armed'] else 'simulating'}")
        session.table(
            ["data type", "before", "would go", "gone", "left"],
            [[kind, *counts.values()] for kind, counts in one["by_type"].items()],
            empty="",
        )
        live = one["live"]
        if live is None:
            session.line("Its night was simulated: nothing was deleted.")
            continue
        rate = live["purged"] / max(one["live_seconds"], 0.001)
        session.line(
            f"Live run {live['id']}: {live['outcome']}; purged {live['purged']:,}, kept {live['kept']:,}, "
            f"failed {live['failed']:,}, not reached {live['not_reached']:,}; {one['live_seconds']:.1f} s "
            f"({rate:,.0f} items a second)."
        )
    session.line("")
    session.line(f"All that took {figures['seconds']:.1f} s. Sign in as")
    session.table(
        ["e-mail", "password", ""],
        [[one["email"], one["password"], one["as"]] for one in figures["logins"]],
        empty="",
    )


def _plain(value: object) -> str:
    """Write dates and moments as JSON knows them."""
    if isinstance(value, date):  # moments are dates too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
