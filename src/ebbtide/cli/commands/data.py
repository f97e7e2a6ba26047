"""Data in, and the counts of what is there."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ebbtide.apps.catalog import selectors as catalog
from ebbtide.apps.insights.services import import_segments
from ebbtide.apps.media.importing import import_manifest
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.apps.runs.wiring import object_store
from ebbtide.cli import show
from ebbtide.cli.commands.orgs import Org
from ebbtide.cli.session import Session, command
from ebbtide.domain.errors import InputInvalid
from ebbtide.domain.identity import public_id

app = typer.Typer(help="Bring in report rows and recordings.", no_args_is_help=True)

OrgOption = Annotated[str, typer.Option("--org", help="Id (org_…) or unique name.")]


def _existing(path: Path, *, field: str) -> Path:
    if not path.is_file():
        raise InputInvalid(f"There is no file {path}.", field=field)
    return path


def _rejects(session: Session, source: Path) -> Path:
    return session.data / "rejects" / f"{session.clock.now():%Y%m%dT%H%M%S}-{source.name}.rejects.csv"


def _ends(session: Session, counts: dict[str, int], *, rejects: Path | None) -> None:
    def text() -> None:
        for name, count in counts.items():
            session.line(f"{name.replace('_', ' '):<14}{count:>12,}")
        if rejects is not None:
            session.line(f"The rejected rows, with their reasons: {rejects}")

    session.emit({**counts, "rejects_file": rejects}, text=text)


@command(app, "segments")
def segments(
    session: Session,
    file: Annotated[Path, typer.Argument(help="CSV or JSONL, also .gz.")],
    org: OrgOption,
    map: Annotated[Path, typer.Option("--map", help="TOML that says what the columns mean: docs/import.md.")],
) -> None:
    """Import report rows; importing a file twice changes nothing."""
    found = find_organization(org)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=session.err, disable=session.is_json, transient=True) as progress:
        task = progress.add_task(file.name, total=None)
        done = import_segments(
            found,
            file=_existing(file, field="file"),
            map_file=_existing(map, field="map"),
            now=session.clock.now(),
            rejects=_rejects(session, file),
            progress=lambda position, size: progress.update(task, completed=position, total=size),
        )
    _ends(session, done.counts.told(), rejects=done.rejects)


@command(app, "media")
def media(
    session: Session,
    manifest: Annotated[Path, typer.Argument(help="CSV or JSONL with file, kind and segment.")],
    org: OrgOption,
) -> None:
    """Import recordings and transcripts of segments that are there."""
    found = find_organization(org)
    done = import_manifest(
        found,
        manifest=_existing(manifest, field="manifest"),
        store=object_store(),
        rejects=_rejects(session, manifest),
    )
    _ends(session, done.counts.told(), rejects=done.rejects)


def register(root: typer.Typer) -> None:
    """Add the commands that stand alone."""
    command(root, "cells")(cells)


def cells(session: Session, org: Org) -> None:
    """Show items and bytes by Q, day and data type."""
    found = find_organization(org)
    with acting_in(found.id):
        names = {queue.id: queue.name for queue in catalog.queues(org=found.id)}
        listed = list(catalog.cells(org=found.id))
    session.emit(
        [
            {
                "day": cell.day,
                "queue_id": public_id("que", cell.queue),
                "queue": names[cell.queue],
                "data_type": cell.data_type,
                "items": cell.items,
                "bytes": cell.bytes,
            }
            for cell in listed
        ],
        text=lambda: session.table(
            ["day", "Q", "data type", "items", "size"],
            [[cell.day, names[cell.queue], cell.data_type, cell.items, show.size(cell.bytes)] for cell in listed],
            empty="No data yet: bring some in with `ebbtide import segments`.",
        ),
    )
