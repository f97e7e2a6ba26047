"""The files around the product: true, complete, and of no particular machine."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.house.consoles import ROOT, documents, fenced, named

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$")
SHARED_BY_ALL = {Path("/"), Path("/root"), Path("/home"), Path("/tmp"), Path("/srv"), Path("/opt"), Path("/usr/src")}  # noqa: S108 - named, not used


def _committed() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("NOT RUN: this is no git checkout, so nobody knows which files are committed")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_committed_file_names_a_folder_of_this_machine() -> None:
    """Neither the checkout nor the folder it lies in nor anybody's home; folders every machine has are no secret."""
    own = {ROOT, ROOT.parent, *([] if Path.home() in SHARED_BY_ALL else [Path.home()])} - SHARED_BY_ALL
    words = [rf"(?<![\w.-]){re.escape(str(one))}(?![\w.-])" for one in own] + [r"(?<![\w.])/(?:home|Users)/\w+"]
    pattern = re.compile("|".join(words).encode())
    found = [
        f"{named(path)}: {hit.decode()}"
        for path in _committed()
        if (hit := b", ".join(pattern.findall(path.read_bytes())))
    ]
    assert not found, "\n".join(found)


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 100
    typed = [line for language, _, lines in fenced(text) if language == "sh" for line in lines]
    for target in ("demo", "test"):
        assert any(line.split()[:2] == ["make", target] for line in typed)


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_make_target_a_document_names_exists(path: Path) -> None:
    said = set(re.findall(r"`make ([a-z-]+)`", path.read_text()))
    for _, _, lines in fenced(path.read_text()):
        said |= {words[1] for line in lines if (words := line.split()) and words[0] == "make" and len(words) > 1}
    assert said <= _targets(), sorted(said - _targets())


def test_ci_runs_make_test_and_nothing_else() -> None:
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]


def test_the_changelog_has_a_section_for_what_is_coming_or_for_this_version() -> None:
    assert re.search(r"^## (Unreleased|\[?0\.1\.0\]?)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def _anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    inside = {number for _, start, lines in fenced(path.read_text()) for number in range(start, start + len(lines))}
    found = set()
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        heading = _HEADING.match(line)
        if heading and number not in inside:
            plain = re.sub(r"[^\w\- ]", "", heading[1].replace("`", "").lower())
            found.add(plain.replace(" ", "-"))
    return found


def _prose(text: str) -> str:
    """A document without its fenced blocks and inline code."""
    lines = text.splitlines()
    for _, start, inside in fenced(text):
        lines[start - 1 : start - 1 + len(inside)] = [""] * len(inside)
    return re.sub(r"`[^`\n]*`", "", "\n".join(lines))


@pytest.mark.parametrize("path", documents(), ids=named)
def test_every_link_within_the_project_leads_somewhere(path: Path) -> None:
    broken = []
    for target in _LINK.findall(_prose(path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.is_relative_to(ROOT) or not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert not broken, f"{named(path)} links to {broken}"


def test_the_index_names_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    linked = {(ROOT / "docs" / target.partition("#")[0]).resolve() for target in _LINK.findall(index)}
    missing = [named(one) for one in (ROOT / "docs").rglob("*.md") if one.name != "README.md" and one not in linked]
    assert not missing
