"""The error tree, its drawing, docs/errors.md and the database's codes agree."""

import re
from collections.abc import Iterator

import pytest

from ebbtide.apps.orgs.database import ERRORS
from ebbtide.domain import errors
from ebbtide.domain.errors import EbbtideError
from tests.house.consoles import ROOT

DOC = ROOT / "docs" / "errors.md"
_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (\d+) \| (\d+) \|", re.MULTILINE)
_RAISED = re.compile(r"ERRCODE = '(\w+)'")
_STATE = re.compile(r"`([0-9A-Z]{5})`")


def _tree(root: type[EbbtideError]) -> Iterator[type[EbbtideError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


ALL = {one.__name__: one for one in _tree(EbbtideError) if one.__module__ == errors.__name__}


def test_every_error_is_drawn_in_the_tree() -> None:
    drawn = set(re.findall(r"^[ │├└]*([A-Z]\w+)  ", errors.__doc__ or "", re.MULTILINE))
    plain = set(re.findall(r"[├└] ([A-Z]\w+)$", errors.__doc__ or "", re.MULTILINE))
    assert drawn | plain == set(ALL)


def test_no_two_errors_share_a_code() -> None:
    codes = [one.code for one in ALL.values()]
    assert len(set(codes)) == len(codes)


def test_every_error_is_told_with_its_code_and_ends() -> None:
    told = {(code, name, int(exits), int(http)) for code, name, exits, http in _ROW.findall(DOC.read_text())}
    assert told == {(one.code, name, one.exit_code, one.http_status) for name, one in ALL.items()}


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_docstring_of_an_error_is_its_own(name: str) -> None:
    doc = ALL[name].__dict__.get("__doc__") or ""
    assert doc.strip().partition("\n")[0].endswith("."), f"{name} says nothing of what to do"


def _raised() -> set[str]:
    return {code for path in (ROOT / "src").rglob("*.sql") for code in _RAISED.findall(path.read_text())}


def test_every_code_the_database_raises_is_mapped_and_every_mapped_one_raised() -> None:
    ours = {state for state in ERRORS if state.startswith("EB")}
    assert _raised() == ours


def test_every_raise_in_sql_has_a_code() -> None:
    for path in (ROOT / "src").rglob("*.sql"):
        text = path.read_text()
        assert text.count("RAISE EXCEPTION") == len(_RAISED.findall(text)), path.name


def test_the_database_codes_are_told_with_what_they_become() -> None:
    table = DOC.read_text().partition("| SQLSTATE |")[2]
    told: dict[str, str] = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            states, becomes, *_ = (part.strip() for part in line.strip("|").split("|"))
            told |= dict.fromkeys(_STATE.findall(states), becomes.strip("`"))
    assert told == {state: kind.code for state, (kind, _) in ERRORS.items()}
