"""The sums that reports read, and the words that the search of transcripts reads."""

from typing import Annotated

import typer

from ebbtide.apps.insights.hours import SumReport, sum_up, sum_up_due
from ebbtide.apps.interactions.indexing import index
from ebbtide.apps.orgs.selectors import find_organization
from ebbtide.cli.session import Session, command
from ebbtide.cli.stopping import stop_asked
from ebbtide.domain.identity import public_id


def register(root: typer.Typer) -> None:
    """Add the commands."""
    command(root, "summarize")(summarize)
    command(root, "index-words")(index_words)


def summarize(
    session: Session,
    org: Annotated[
        str, typer.Option("--org", help="Id (org_…) or unique name; without it every one that is due.")
    ] = "",
) -> None:
    """Add up finished days for reports, where that has not been done: the worker does it by itself."""
    with stop_asked() as stop:
        if org:
            done = SumReport(sum_up(find_organization(org), now=session.clock.now(), stop=stop), [])
        else:
            done = sum_up_due(now=session.clock.now(), stop=stop)

    def text() -> None:
        session.line(f"{done.cells:,} cells added up.")
        for number, reason in done.failures:
            session.line(f"{public_id('org', number)} failed: {reason}")

    failures = [{"org": public_id("org", number), "reason": reason} for number, reason in done.failures]
    session.emit({"cells": done.cells, "failures": failures}, text=text)
    if done.failures:
        raise typer.Exit(1)


def index_words(
    session: Session,
    org: Annotated[str, typer.Option("--org", help="Id (org_…) or unique name; without it all.")] = "",
) -> None:
    """Index the words of transcripts that can not be searched yet: the worker does it by itself."""
    with stop_asked() as stop:
        done = index([find_organization(org)] if org else None, stop=stop)

    def text() -> None:
        session.line(f"{done.transcripts:,} transcripts indexed.")
        for number, reason in done.failures:
            session.line(f"{public_id('org', number)} failed: {reason}")

    failures = [{"org": public_id("org", number), "reason": reason} for number, reason in done.failures]
    session.emit({"transcripts": done.transcripts, "failures": failures}, text=text)
    if done.failures:
        raise typer.Exit(1)
