"""Batches of a few items, so that a small night has many steps."""

import pytest

from ebbtide.engine import sweep


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 4)
    monkeypatch.setattr(sweep, "ROWS_PER_BATCH", 3)
