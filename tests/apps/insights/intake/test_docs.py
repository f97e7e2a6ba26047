"""docs/import.md says what the code does: its map, its rows, its flags, its keys."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from ebbtide.apps.insights.intake.mapping import load_map

from .conftest import EXAMPLES, ROOT, read_all

TEXT = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")


def test_the_worked_map_is_the_example() -> None:
    shown = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)))
    example = tomllib.loads((EXAMPLES / "bank-calls.toml").read_text(encoding="utf-8"))
    assert shown == {name: part for name, part in example.items() if name != "format"}


def test_the_worked_rows_end_as_told(tmp_path: Path) -> None:
    rows = re.search(r"```\n(vru\+line.*?)```", TEXT, re.DOTALL)
    assert rows
    header, *lines = rows[1].splitlines()
    content = [header + ",priority,vru_time", *(line + ",0,4" for line in lines)]
    (tmp_path / "calls.csv").write_text("\n".join(content), encoding="utf-8")
    read = read_all(tmp_path / "calls.csv", mapping=load_map(EXAMPLES / "bank-calls.toml"), zone="Asia/Jerusalem")
    first, second = read.segments.rows(named=True)
    assert (first["source_key"], str(first["day"]), first["flags"]) == ("XX0101/1001", "2026-03-03", "passed_midnight")
    told = (str(second["day"]), second["customer"], second["agent"], second["outcome"])
    assert told == ("2026-03-02", "4711", None, "abandoned")


def test_every_flag_is_explained() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src/ebbtide/apps/insights/intake").glob("*.py"))
    flags = set(re.findall(r'"([a-z0-9_]+)": (?:_any|self\._skewed|borrowed|night|negative|odd|unreadable)', source))
    flags |= set(re.findall(r'flags\["([a-z_]+)"\]', source))
    assert len(flags) >= 14
    assert not {flag for flag in flags if f"`{flag}`" not in TEXT}
