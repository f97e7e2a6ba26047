"""The retrieval API against its own description: thousands of made-up requests, sound and unsound (schemathesis).

A few of them are in test_api.py.
"""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.served import served

from .test_api import Side, alice, charlie, database, staged, unsaid

__all__ = ["alice", "charlie", "database", "staged", "unsaid"]


@pytest.mark.long
def test_what_is_described_is_what_is_answered(alice: Side, unsaid: Mapping[str, str], tmp_path: Path) -> None:
    lines = [f'"{name}" = "{value}"' for name, value in unsaid.items()]
    (tmp_path / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines, ""]))
    with served() as address:
        urllib.request.urlopen(f"{address}/api/openapi.json").close()  # noqa: S310 - our own server
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/api/openapi.json",
                "-H", f"Authorization: Bearer {alice.tokens['all']}",
                "--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--checks", "all", "--seed", "1",
                "--no-color", "--continue-on-failure", "--wait-for-schema", "120", "--request-timeout", "120",
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip
    told = done.stdout[-6_000:] + done.stderr[-2_000:]
    assert done.returncode == 0, told
    assert re.search(r"\d+ passed", told), told
