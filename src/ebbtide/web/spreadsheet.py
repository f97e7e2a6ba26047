"""Tables for a spreadsheet, as CSV that cannot act.

A spreadsheet runs a cell that begins like a formula, also behind blanks and for the full-width forms of the signs; such
text gets an apostrophe in front. Every cell is quoted, so that a program that splits at semicolons cannot cut a new
cell out of the middle of a name.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence

_SIGNS = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - the full-width signs are meant


class _Echo:
    """Gives back what is written, so that lines can be streamed."""

    def write(self, line: str) -> str:
        return line


def safe_cell(value: object) -> object:
    """Make a cell's text harmless; numbers stay numbers."""
    if not isinstance(value, str) or not value:
        return value
    return f"'{value}" if value[0] in _SIGNS or value.lstrip()[:1] in _SIGNS else value


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Write rows as CSV, line by line, with the mark by which spreadsheets know UTF-8."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\N{ZERO WIDTH NO-BREAK SPACE}"
    for row in rows:
        line: str = writer.writerow([safe_cell(cell) for cell in row])
        yield line
