"""docs/commands.md tells of every command and option there is, and no document tells of others."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from ebbtide.cli.commands import app
from tests.house.consoles import ROOT, documents, fenced, named

COMMANDS = ROOT / "docs" / "commands.md"
EVERYWHERE = {"--data", "--format", "--help"}
_HEADING = re.compile(r"^### `ebbtide ([a-z -]+)`$", re.MULTILINE)
_INLINE = re.compile(r"`ebbtide ([^`]+)`")


def _leaves(group: TyperGroup, *, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _leaves(command, path=(*path, name))
        else:
            assert isinstance(command, TyperCommand)
            yield (*path, name), command


def _there() -> dict[str, TyperCommand]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return {" ".join(path): command for path, command in _leaves(root)}


THERE = _there()


def _options(command: TyperCommand) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, TyperOption)
        for name in parameter.opts
        if name.startswith("--")
    }


def _sections() -> dict[str, str]:
    """Each command's section of docs/commands.md."""
    _, *parts = _HEADING.split(COMMANDS.read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_command_has_its_section_and_every_section_a_command() -> None:
    assert set(_sections()) == set(THERE)
    assert len(_HEADING.findall(COMMANDS.read_text())) == len(THERE), "a command is told twice"


@pytest.mark.parametrize("name", sorted(THERE))
def test_every_option_is_told_of(name: str) -> None:
    section = _sections().get(name, "")
    missing = {option for option in _options(THERE[name]) - EVERYWHERE if option not in section}
    assert not missing, f"docs/commands.md does not tell of {sorted(missing)} of `ebbtide {name}`"


def _typed(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every `ebbtide …` a document has somebody type, in whatever kind of block."""
    for _, start, lines in fenced(path.read_text()):
        for number, line in enumerate(lines, start=start):
            words = line.removeprefix("$ ").partition("  #")[0]
            if words.startswith("ebbtide "):
                yield number, shlex.split(words)[1:]


def _faults(arguments: list[str]) -> str | None:
    known = next((name for name in THERE if arguments[: len(name.split())] == name.split()), None)
    if known is None:
        return "there is no such command"
    options = {one.partition("=")[0] for one in arguments if one.startswith("--")}
    unknown = options - _options(THERE[known]) - EVERYWHERE
    return f"there is no {', '.join(sorted(unknown))}" if unknown else None


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_command_that_is_shown_exists(path: Path) -> None:
    wrong = [
        f"{named(path)}:{line}: ebbtide {' '.join(arguments)}: {fault}"
        for line, arguments in _typed(path)
        if (fault := _faults(arguments))
    ]
    assert not wrong, "\n".join(wrong)


def _mentioned(text: str) -> Iterator[str]:
    """Every `ebbtide …` in running text; `ebbtide up|demo` is two of them, `ebbtide [a b …]` none."""
    for found in _INLINE.findall(text):
        first, _, rest = found.partition(" ")
        for one in first.split("|"):
            if one.isalpha():
                yield f"{one} {rest}".strip()


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_command_that_is_mentioned_exists(path: Path) -> None:
    groups = {name.split()[0] for name in THERE if " " in name}
    wrong = [
        said
        for said in _mentioned(path.read_text())
        if said not in groups and (fault := _faults(said.replace("…", "").split())) and fault
    ]
    assert not wrong, f"{named(path)} mentions {wrong}"


def test_messages_of_the_product_name_commands_that_exist() -> None:
    wrong = []
    for path in (ROOT / "src").rglob("*.py"):
        for said in _mentioned(path.read_text()):
            plain = re.sub(r"\{[^}]*\}", "X", said).split()
            if "{" not in said.split()[0] and _faults(plain):
                wrong.append(f"{named(path)}: ebbtide {said}")
    assert not wrong, "\n".join(wrong)
