"""The retrieval API against its own description: thousands of made-up requests, sound and unsound (schemathesis)."""

import re
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from ebbtide.apps.retrieval.asked import Place
from tests.served import served

from .test_api import Side, alice, charlie, database, staged, walk

__all__ = ["alice", "charlie", "database", "staged"]


@pytest.mark.long
def test_what_is_described_is_what_is_answered(alice: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.EBBTIDE_API_PER_MINUTE", 1_000_000)
    recording, transcript = walk(alice, "recordings")[0]["id"], walk(alice, "transcripts")[0]["id"]
    segment = walk(alice, "segments")[0]["id"]
    there = {"recording": recording, "transcript": transcript, "segment": segment}
    there_too = Place(alice.today - timedelta(days=60), ()).written()  # nobody makes up where a page begins
    # which pairs of dates are none, a description cannot say: every until lies behind this since
    lines = [f'"query.after" = "{there_too}"', '"query.since" = "0001-01-01"']
    lines += [f'"path.{name}" = "{identity}"' for name, identity in there.items()]
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
