"""What the documents tell a reader to type is typed here, in order, on a fresh database and data folder each."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from typer.testing import CliRunner

from ebbtide.cli.commands import app
from ebbtide.pg.launcher import Urls
from tests.house.consoles import ROOT, Step, agrees, documents, named, steps

WIDTH = "250"
"""Columns of the terminal: wide enough that no table is folded, which would depend on every row in it."""
STAYING = {"up", "web", "worker", "demo"}
"""Commands that stay or fill a folder of their own: told of in blocks that are not run."""
WITH_COMMANDS = [path for path in documents() if steps(path.read_text())]


def _workplace(folder: Path) -> None:
    """A folder that looks like the checkout to what a document names."""
    (folder / "docs").symlink_to(ROOT / "docs")


def _shell(step: Step, *, cwd: Path) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", step.command], cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _check(step: Step, *, where: str, code: int, output: str) -> None:
    said = [line for line in output.splitlines() if not line.startswith("timestamp=")]
    told = f"{where}:{step.line}: $ {step.command}\nended with {code} and said\n{output}"
    assert code == step.exit_code, told
    if step.printed:
        assert agrees(step.printed, said=said), told + "\nThe document says\n" + "\n".join(step.printed)


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=named)
def test_the_commands_of_a_document_do_what_it_says(
    path: Path, database: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "EBBTIDE_EMBEDDED", False)  # a database is there already: starting one takes a second
    monkeypatch.setenv("COLUMNS", WIDTH)
    place = tmp_path / "place"
    place.mkdir()
    _workplace(place)
    monkeypatch.chdir(place)
    runner = CliRunner()
    for step in steps(path.read_text()):
        if not step.command.startswith("ebbtide "):
            code, output = _shell(step, cwd=place)
        else:
            arguments = shlex.split(step.command)[1:]
            assert arguments[0] not in STAYING, f"{named(path)}:{step.line}: write it in a block that is not run"
            result = runner.invoke(app, arguments)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            code, output = result.exit_code, result.output
        _check(step, where=named(path), code=code, output=output)


def test_a_newcomers_first_command_runs_as_it_is_typed(tmp_path: Path) -> None:
    """The real program, as the README's first command calls it, in an empty folder: it brings its own database."""
    first = steps((ROOT / "README.md").read_text())[0]
    foreign = {"DATABASE_URL", "EBBTIDE_SWEEP_URL", "EBBTIDE_OWNER_URL", "EBBTIDE_OBJECTS_URL", "EBBTIDE_DATA"}
    environment = {name: value for name, value in os.environ.items() if name not in foreign} | {
        "COLUMNS": WIDTH,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", first.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    _check(first, where="README.md", code=done.returncode, output=done.stdout + done.stderr)
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


def test_a_step_is_read_with_its_input_its_end_and_what_it_prints() -> None:
    text = "```console\n$ cat > a <<'END'\n> one\n>\n> two\n> END\n$ ebbtide x  # exit 2\nno\n…\nway\n```\n"
    first, second = steps(text)
    assert (first.command, first.exit_code, first.printed) == ("cat > a <<'END'\none\n\ntwo\nEND", 0, [])
    assert (second.line, second.command, second.exit_code) == (7, "ebbtide x", 2)
    assert second.printed == ["no", "…", "way"]


@pytest.mark.parametrize(
    ("printed", "said", "same"),
    [
        (["a  b"], ["a b  "], True),
        (["on … at …"], ["on 2026-11-23 at 02:00"], True),
        (["a", "…", "z"], ["a", "b", "c", "z"], True),
        (["a", "…", "z"], ["a", "z"], True),
        (["a"], ["a", "b"], False),
        (["a", "b"], ["a"], False),
        (["a 1"], ["a 2"], False),
        (["a … c"], ["a b d"], False),
    ],
)
def test_what_is_printed_is_compared_loosely_and_no_looser(printed: list[str], said: list[str], same: bool) -> None:
    assert agrees(printed, said=said) is same
