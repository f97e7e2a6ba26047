"""Tables for a spreadsheet, as CSV that cannot act.

A spreadsheet runs a cell that begins like a formula, also behind blanks and for the full-width forms of the signs;
such text gets an apostrophe in front. So does text that begins with apostrophes and goes on like that, so that there
is one way back (`plain_cell`): nobody has to guess which apostrophe was there before. Every cell is quoted, so that a
program that splits at semicolons cannot cut a new cell out of the middle of a name.
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
    return f"'{value}" if _acts(value.lstrip("'")) else value


def plain_cell(text: str) -> str:
    """Give a cell's text as it was before it was made harmless."""
    return text[1:] if text.startswith("'") and _acts(text.lstrip("'")) else text


def _acts(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula."""
    return text[:1] in _SIGNS or text.lstrip()[:1] in _SIGNS if text else False


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Write rows as CSV, line by line, with the mark by which spreadsheets know UTF-8."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\N{ZERO WIDTH NO-BREAK SPACE}"
    for row in rows:
        line: str = writer.writerow([safe_cell(cell) for cell in row])
        yield line
