"""What the CSV of every report says of an interval: its days, and whether anything of them is missing."""

from collections.abc import Mapping
from typing import TypeVar

from ebbtide.web.context.insights import Stretch
from ebbtide.web.listing import Column

Row = TypeVar("Row", bound=Stretch)
COMPLETE: Mapping[str, str] = {"whole": "yes", "partly": "in part", "purged": "purged"}
"""How it is written whether something is all there."""


def stretch_columns(of: type[Row]) -> tuple[Column[Row], ...]:
    """Give the first columns of a table of intervals.

    Args:
        of: its rows.
    """
    del of  # for the reader, and the types
    return (
        Column(name="begin", label="", value=lambda row: row.begin),
        Column(name="first_day", label="", value=lambda row: row.first),
        Column(name="last_day", label="", value=lambda row: row.last),
        Column(name="complete", label="", value=lambda row: COMPLETE[row.state]),
        Column(name="lacks", label="", value=lambda row: ", ".join(line.name for line in row.lacks)),
    )
