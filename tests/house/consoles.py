"""Reads the ```console blocks of a document, so that a test can run what a reader is told to type.

A block is written as a terminal shows it: `$ ` before a command, `> ` before its further lines (a here-document), and
what it prints below. `# exit 2` at a command's end says how it ends, where that is not 0. In what is printed, `…`
stands for anything within a line and, alone on a line, for any number of lines. Blanks are compared loosely, because
the width of a table's columns depends on all its rows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ENDS = re.compile(r"\s+#\s*exit (\d+)$")
_FENCE = re.compile(r"^(`{3,})(\w*)\s*$")


@dataclass(slots=True)
class Step:
    """One command of a document: where it stands, what is typed, what it should print and how it should end."""

    line: int
    command: str
    exit_code: int = 0
    printed: list[str] = field(default_factory=list)


def documents() -> list[Path]:
    """All documents of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def named(path: Path) -> str:
    """A document's name within the project, for ids and messages."""
    return path.relative_to(ROOT).as_posix()


def fenced(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Give each fenced block: its language, the number of its first line, its lines."""
    language: str | None = None
    lines: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        fence = _FENCE.match(line)
        if language is None:
            if fence:
                language, lines, start = fence[2], [], number + 1
        elif fence and not fence[2]:
            yield language, start, lines
            language = None
        else:
            lines.append(line)


def steps(text: str) -> list[Step]:
    """Read the commands of a document, in order."""
    found: list[Step] = []
    for language, start, lines in fenced(text):
        if language != "console":
            continue
        current: Step | None = None
        for number, line in enumerate(lines, start=start):
            if line.startswith("$ "):
                ends = _ENDS.search(line)
                current = Step(number, _ENDS.sub("", line[2:]), int(ends[1]) if ends else 0)
                found.append(current)
            elif current is not None and not current.printed and (line.startswith("> ") or line == ">"):
                current.command += "\n" + line[2:]
            elif current is not None:
                current.printed.append(line)
            else:
                raise ValueError(f"line {number}: a console block begins with a command")
    return found


def _plain(line: str) -> str:
    return " ".join(line.split())


def agrees(printed: Sequence[str], *, said: Sequence[str]) -> bool:
    """Whether what was printed is what the document says.

    Args:
        printed: the document's lines, with their `…`.
        said: the command's lines.
    """
    parts = [r"(?:[^\n]*\n)*" if _plain(line) == "…" else _pattern(line) + r"\n" for line in printed if line.strip()]
    text = "".join(f"{_plain(line)}\n" for line in said if line.strip())
    return re.fullmatch("".join(parts), text) is not None


def _pattern(line: str) -> str:
    return r"[^\n]*?".join(re.escape(part) for part in _plain(line).split("…"))
