"""Every setting that is read is told of, and none that is not."""

import ast
import re

from tests.house.consoles import ROOT

ENVIRONMENT = ROOT / "src" / "ebbtide" / "config" / "environment.py"
_NAME = re.compile(r"EBBTIDE_[A-Z_]+|[A-Z]+_URL")
_ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def _read() -> set[str]:
    """Names the environment is asked for: the first argument of every call that has such a name."""
    return {
        call.args[0].value
        for call in ast.walk(ast.parse(ENVIRONMENT.read_text()))
        if isinstance(call, ast.Call)
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and _NAME.fullmatch(call.args[0].value)
    }


def test_the_settings_that_are_read_are_those_that_are_told() -> None:
    read = _read()
    assert {"DATABASE_URL", "EBBTIDE_DATA", "EBBTIDE_HTTPS"} <= read, "the reader is written in another way now"
    assert set(_ROW.findall((ROOT / "docs" / "settings.md").read_text())) == read


def test_the_environment_tells_of_each_in_its_docstring() -> None:
    doc = ENVIRONMENT.read_text().partition('"""What the environment says.')[2].partition('"""')[0]
    assert set(re.findall(r"(?:EBBTIDE_[A-Z_]+|DATABASE_URL)", doc)) == _read()
