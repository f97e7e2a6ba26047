"""How limits are typed: a whole number or `none`, hours as HH:MM-HH:MM or `none`; what is not given stays."""

from datetime import time
from typing import Annotated

import typer

from ebbtide.apps.orgs.services import parse_clock
from ebbtide.apps.runs.throttling import ThrottleSet
from ebbtide.cli.session import Session
from ebbtide.domain.errors import InputInvalid

NONE = "none"

Rows = Annotated[str | None, typer.Option("--rows", help="Report rows a second, or `none`.")]
Objects = Annotated[str | None, typer.Option("--objects", help="Recordings and transcripts a second, or `none`.")]
Hours = Annotated[
    str | None, typer.Option(help="Hours in which deletion may go on, such as 22:00-06:00, in local time, or `none`.")
]


def read_limit(text: str | None, *, before: int | None, field: str) -> int | None:
    """Read a limit; None for `none`, what stood before where nothing was typed.

    Raises:
        InputInvalid: it is not a whole number.
    """
    if text is None:
        return before
    if text == NONE:
        return None
    if not text.isascii() or not text.isdigit():
        raise InputInvalid(f"{text!r} is not a whole number: give one, or `none`.", field=field)
    return int(text)


def read_hours(text: str | None, *, before: tuple[time | None, time | None]) -> tuple[time | None, time | None]:
    """Read hours; both None for `none`, what stood before where nothing was typed.

    Raises:
        InputInvalid: they are not two times of day.
    """
    if text is None:
        return before
    if text == NONE:
        return None, None
    start, dash, end = text.partition("-")
    if not dash:
        raise InputInvalid(f"{text!r} is no span of hours: write it as 22:00-06:00, or `none`.", field="hours")
    return parse_clock(start, field="hours"), parse_clock(end, field="hours")


def read_throttle(before: ThrottleSet, *, rows: str | None, objects: str | None, hours: str | None) -> ThrottleSet:
    """Read a throttle as it shall be.

    Raises:
        InputInvalid: a part of it cannot be read.
    """
    start, end = read_hours(hours, before=(before.hours_from, before.hours_until))
    return ThrottleSet(
        rows_per_second=read_limit(rows, before=before.rows_per_second, field="rows"),
        objects_per_second=read_limit(objects, before=before.objects_per_second, field="objects"),
        hours_from=start,
        hours_until=end,
    )


def tell_throttle(session: Session, one: ThrottleSet) -> None:
    """Write a throttle for a person."""
    hours = "any hour"
    if one.hours_from is not None and one.hours_until is not None:
        hours = f"{one.hours_from:%H:%M} to {one.hours_until:%H:%M}, in local time"
    session.line(f"  rows a second     {_number(one.rows_per_second, none='any number')}")
    session.line(f"  objects a second  {_number(one.objects_per_second, none='any number')}")
    session.line(f"  hours             {hours}")


def _number(value: int | None, *, none: str) -> str:
    return none if value is None else f"{value:,}"
