"""Measures: exact, whatever the order they are added up in, and nothing where there is nothing."""

import re
from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.measures import DEFAULT_THRESHOLD, THRESHOLDS, Handled, Sums, change

DOC = Path(__file__).parents[2] / "docs" / "measures.md"
counts = st.integers(0, 10_000)
NAMES = ("items", "offered", "answered", "abandoned", "wait_s", "waits", "talk_s", "talks", "hold_s", "wrap_s")
some = st.builds(Sums, **dict.fromkeys(NAMES, counts), longest_s=st.none() | counts)


@given(some, some, some)
def test_adding_up_knows_no_order(one: Sums, two: Sums, three: Sums) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + Sums() == one


def test_nothing_is_not_zero() -> None:
    none = Sums()
    assert (none.service_level, none.asa, none.aht, none.abandonment, none.longest_s) == (None,) * 5
    assert Sums(offered=3, answered=3, waits=0).asa is None
    assert Sums(abandon_waits=2, abandoned_in=2).service_level is None  # all gave up within the target


@given(some, some)
def test_an_average_lies_between_those_it_is_made_of(one: Sums, two: Sums) -> None:
    parts = [part.asa for part in (one, two) if part.asa is not None]
    both = (one + two).asa
    if parts and one.waits and two.waits:
        assert both is not None
        assert min(parts) <= both <= max(parts)


def test_change() -> None:
    assert change(110, 100) == Fraction(1, 10)
    assert change(Fraction(1, 2), Fraction(1)) == Fraction(-1, 2)
    assert change(5, 0) is None
    assert change(None, 5) is None
    assert change(5, None) is None


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT_THRESHOLD in THRESHOLDS
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))


def table(heading: str) -> list[dict[str, str]]:
    """The first table below a heading of docs/measures.md, a line a row."""
    rest = DOC.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in rest.splitlines() if line.startswith("|")]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def seconds(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def test_the_documents_example() -> None:
    """The calls of docs/measures.md, added up one by one, come to what it says of each measure."""
    total = Sums()
    for call in table("Ten calls"):
        offered = call["direction"] != "outbound"
        took, gave_up = offered and call["outcome"] == "answered", offered and call["outcome"] == "abandoned"
        wait, talk, hold, wrap = (seconds(call[name]) for name in ("wait", "talk", "hold", "wrap-up"))
        within = wait is not None and wait <= DEFAULT_THRESHOLD
        handled = took and talk is not None
        total += Sums(
            items=1,
            offered=offered,
            answered=took,
            abandoned=gave_up,
            flowed_out=offered and call["outcome"] == "flowed out",
            callbacks=offered and call["outcome"] == "callback",
            wait_s=(wait or 0) if took else 0,
            waits=took and wait is not None,
            talk_s=(talk or 0) if handled else 0,
            talks=handled,
            hold_s=(hold or 0) if handled else 0,
            wrap_s=(wrap or 0) if handled else 0,
            abandon_waits=gave_up and wait is not None,
            answered_in=took and within,
            abandoned_in=gave_up and within,
            longest_s=wait if offered else None,
        )
    percent = {"Service level": total.service_level, "Abandonment rate": total.abandonment}
    told = {row["measure"]: row["here"] for row in table("Measures")}
    for name, value in percent.items():
        assert value is not None
        assert re.search(r"= ([\d.]+) %", told.pop(name)).group(1) == f"{float(value * 100):.1f}"  # type: ignore[union-attr]
    for name, average in {"ASA": total.asa, "AHT": total.aht}.items():
        assert average is not None
        assert re.search(r"= ([\d.]+) s", told.pop(name)).group(1) == f"{float(average):g}"  # type: ignore[union-attr]
    assert told == {
        "Offered": str(total.offered),
        "Answered": str(total.answered),
        "Abandoned": str(total.abandoned),
        "Flowed out": str(total.flowed_out),
        "Callbacks": str(total.callbacks),
        "Longest wait": f"{total.longest_s} s",
    }


def test_the_documents_example_of_agents() -> None:
    """The same calls, taken by one agent; and what is told of shares and of an agent's day."""
    total = Handled()
    for call in table("Ten calls"):
        talk, hold, wrap = (seconds(call[name]) for name in ("talk", "hold", "wrap-up"))
        if call["outcome"] != "answered":
            continue
        known = talk is not None
        total += Handled(
            handled=1,
            outbound=call["direction"] == "outbound",
            talks=known,
            talk_s=talk or 0,
            hold_s=hold or 0 if known else 0,
            wrap_s=wrap or 0 if known else 0,
        )
    told = {row["measure"]: row["here, as if one agent had taken all"] for row in table("Agents")}
    assert told.pop("Occupancy") == "see below"
    assert {name: text.rpartition("= ")[2] for name, text in told.items()} == {
        "Handled": str(total.handled),
        "Outbound": str(total.outbound),
        "Talk": f"{total.talk_s} s",
        "Hold": f"{total.hold_s} s",
        "Wrap-up": f"{total.wrap_s} s",
        "AHT": f"{total.aht} s",
    }
    day = Handled(busy_s=Fraction(4 * 360), span_s=Fraction(3 * 600 + 360))
    assert day.occupancy is not None
    assert f"{float(day.occupancy * 100):.1f} %" in DOC.read_text().split("## Agents\n")[1]
    (share,) = table("Channels")
    assert share["an example"].endswith(f"= {30 / (30 + 10):.1%}".replace("%", " %"))


def test_nothing_handled_is_not_zero() -> None:
    assert (Handled().aht, Handled().occupancy) == (None, None)
    assert Handled(handled=3).aht is None
