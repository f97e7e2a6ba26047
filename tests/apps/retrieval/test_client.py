"""The client in docs/api.md, as it stands there, against a server."""

import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from tests.house.consoles import ROOT, fenced
from tests.served import served

from .test_api import SOUND, Side, alice, charlie, database, staged

__all__ = ["alice", "charlie", "database", "staged"]


def test_the_client_in_the_documents_keeps_what_is_there(alice: Side, charlie: Side, tmp_path: Path) -> None:
    document = (ROOT / "docs" / "api.md").read_text()
    code, _use = ("\n".join(lines) for language, _, lines in fenced(document) if language == "python")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/api.md", "exec"), names)  # noqa: S102 - it is our own document
    folder = tmp_path / "kept"
    folder.mkdir()
    with served() as address:
        client = names["Ebbtide"](address, alice.tokens["all"])
        names["keep"](client, str(folder), queue=["Sales"])
        stranger = names["Ebbtide"](address, charlie.tokens["segments"])
        with pytest.raises(urllib.error.HTTPError, match="403"):
            next(stranger.items("recordings"))
    rows = [json.loads(line) for line in (folder / "segments.jsonl").read_text().splitlines()]
    assert len(rows) == 9
    assert {row["queue"]["name"] for row in rows} == {"Sales"}
    saved = [path.read_bytes() for path in folder.glob("rec_*")]
    assert len(saved) == 6
    assert saved.count(SOUND + b"Alice's") == 3
