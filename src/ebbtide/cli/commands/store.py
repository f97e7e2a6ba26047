"""The object store: what does it really do?"""

import typer

from ebbtide.apps.runs.models import StoreProbe
from ebbtide.apps.runs.probing import not_proved, probe_now
from ebbtide.cli.session import Session, command

app = typer.Typer(help="The object store, where recordings and transcripts lie.", no_args_is_help=True)


@command(app, "probe")
def probe(session: Session) -> None:
    """Try the store out with throw-away keys: can it prove erasure? Exits 1 where it cannot."""
    row = probe_now(clock=session.clock)

    def text() -> None:
        session.table(
            ["behaviour", "what was done", "end", "what was seen"],
            [[one["name"], one["asked"], one["end"], one["seen"]] for one in row.behaviours],
            empty="",
        )
        if row.proves:
            session.line(f"{row.identity} can prove erasure.")
        else:
            session.line(f"{row.identity} cannot prove erasure:")
            for one in not_proved(row):
                session.line(f"  {one['name']}: {one['seen']}")

    session.emit(_told(row), text=text)
    if not row.proves:
        raise typer.Exit(1)


def _told(row: StoreProbe) -> dict[str, object]:
    return {
        "store": row.identity,
        "probed_at": row.probed_at,
        "proves_erasure": row.proves,
        "reasons": [f"{one['name']}: {one['seen']}" for one in not_proved(row)],
        "behaviours": row.behaviours,
    }
