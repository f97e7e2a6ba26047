"""May this run delete? The whole table: every combination of what can stop it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from ebbtide.domain.guard import Caps, Clocks, History
from ebbtide.engine.admit import Admission, Circumstances, Mode, admit

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
GOOD = Clocks(NOW, NOW, NOW - timedelta(days=1))
CLOCKS = {
    "good": GOOD,
    "apart": Clocks(NOW, NOW - timedelta(hours=8), None),
    "backward": Clocks(NOW, NOW, NOW + timedelta(hours=1)),
}
CAPS = {
    "default": (Caps(), 20),
    "none set": (Caps(share_percent=None, items=None), 100),
    "over share": (Caps(), 21),
    "over count": (Caps(share_percent=None, items=19), 20),
    "zero share": (Caps(share_percent=0), 1),
    "nothing due": (Caps(share_percent=0, items=0), 0),
}
HISTORIES = {
    "first run": History(None, None),
    "last night": History(NOW - timedelta(days=1), None),
    "long ago, unknown": History(NOW - timedelta(days=9), None),
    "long ago, usual": History(NOW - timedelta(days=9), 1_000),
}

TABLE = list(product([True, False], [None, "on"], CLOCKS, CAPS, HISTORIES, [True, False]))


def expected(armed: bool, switch: str | None, clocks: str, caps: str, history: str, confirmed: bool) -> Mode:
    """The rules, said again in the order a person would."""
    due = caps != "nothing due"
    stopped = (
        switch is not None
        or clocks != "good"
        or caps == "over count"
        or (caps in ("over share", "zero share") and not confirmed)
    )
    unsure = history == "long ago, unknown" and due and not confirmed and switch is None and clocks == "good"
    if not armed or unsure:
        return Mode.SIMULATED
    return Mode.BLOCKED if stopped else Mode.LIVE


@pytest.mark.parametrize("armed", [True, False])
def test_every_combination(armed: bool) -> None:
    seen = set()
    for row in (row for row in TABLE if row[0] is armed):
        _, switch, clocks, caps, history, confirmed = row
        limits, selected = CAPS[caps]
        answer = admit(
            Circumstances(
                armed=armed,
                switch=switch,
                clocks=CLOCKS[clocks],
                caps=limits,
                history=HISTORIES[history],
                selected=selected,
                population=100,
                confirmed=confirmed,
                now=NOW,
            )
        )
        mode = expected(*row)
        assert answer.mode is mode, row
        assert (mode is Mode.LIVE) <= (answer.reason == ""), row
        assert (mode is Mode.BLOCKED) <= (answer.reason != ""), row
        seen.add(mode)
    assert seen == (set(Mode) if armed else {Mode.SIMULATED})


def circumstances(**changed: object) -> Circumstances:
    usual: dict[str, object] = {
        "armed": True, "switch": None, "clocks": GOOD, "caps": Caps(), "history": HISTORIES["last night"],
        "selected": 5, "population": 100, "confirmed": False, "now": NOW,
    }  # fmt: skip
    return Circumstances(**(usual | changed))  # type: ignore[arg-type]


def test_all_well_and_armed_goes_live_without_a_word() -> None:
    assert admit(circumstances()) == Admission(Mode.LIVE)


def test_not_armed_is_simulated_and_says_what_would_have_stopped_it() -> None:
    assert admit(circumstances(armed=False)) == Admission(Mode.SIMULATED)
    answer = admit(circumstances(armed=False, selected=90))
    assert answer.mode is Mode.SIMULATED
    assert answer.reason.startswith("Armed, this run would be blocked: ")


def test_after_a_long_gap_it_simulates_and_asks() -> None:
    answer = admit(circumstances(history=HISTORIES["long ago, unknown"]))
    assert answer.mode is Mode.SIMULATED
    assert "confirm it" in answer.reason


def test_a_confirmed_plan_passes_gap_and_share_and_nothing_else() -> None:
    long_ago = HISTORIES["long ago, unknown"]
    assert admit(circumstances(confirmed=True, selected=100, history=long_ago)).mode is Mode.LIVE
    assert admit(circumstances(confirmed=True, caps=Caps(items=4))).mode is Mode.BLOCKED
    assert admit(circumstances(confirmed=True, switch="on")).mode is Mode.BLOCKED
    assert admit(circumstances(confirmed=True, clocks=CLOCKS["apart"])).mode is Mode.BLOCKED
