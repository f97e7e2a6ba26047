"""Charts as shapes: every bar in its place, no label upon another, round numbers at the ticks."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.web.charts.ages import MOST_BARS, age_bins
from ebbtide.web.charts.histogram import HEIGHT, Bin, Histogram, Line, draw_histogram
from ebbtide.web.charts.scales import byte_step, height, round_step, ticks

MIB = 1024 * 1024
ROUND = {digit * 10**power for digit in (1, 2, 5) for power in range(20)}


def drawn(bins: list[tuple[int, int]], *, lines: tuple[float, ...] = (), step: int = 10) -> Histogram:
    return draw_histogram(
        [Bin(lower=lower, upper=upper, title=f"{lower}+{upper}") for lower, upper in bins],
        lines=[Line(at=at, label=f"{at} days", title="") for at in lines],
        across=[(0, "0"), (len(bins) / 2, "half"), (len(bins), "all")],
        step=step,
        label=str,
    )


@given(st.integers(0, 10**15), st.integers(1, 10))
def test_a_step_is_round_and_as_small_as_it_can_be(most: int, parts: int) -> None:
    step = round_step(most, parts=parts)
    assert step in ROUND
    assert step * parts >= most
    assert step == 1 or max(one for one in ROUND if one < step) * parts < most


@pytest.mark.parametrize(
    ("most", "step"),
    [
        (0, 1), (3, 1), (900, 500), (4096, 1024), (4097, 2 * 1024), (70 * MIB, 20 * MIB), (900 * MIB, 500 * MIB),
        (4 * 1024 * MIB, 1024 * MIB), (3_000 * MIB, 1024 * MIB), (9_000 * MIB, 5 * 1024 * MIB),
    ],
)  # fmt: skip
def test_steps_of_bytes_are_round_in_binary_units(most: int, step: int) -> None:
    assert byte_step(most, parts=4) == step


@given(st.integers(0, 10**15))
def test_the_ticks_reach_the_greatest_value(most: int) -> None:
    step = byte_step(most, parts=4)
    found = ticks(most, step=step)
    assert found[0] == 0
    assert found[-1] >= most
    assert 2 <= len(found) <= 6


def test_nothing_has_no_height_and_little_is_seen() -> None:
    assert height(0, most=100, pixels=100) == 0
    assert height(1, most=10**9, pixels=100) == 1.5
    assert height(100, most=100, pixels=120) == 120
    assert height(3, most=0, pixels=120) == 0


@given(st.integers(0, 22_000), st.lists(st.integers(1, 5000), max_size=4))
def test_bars_of_ages_are_few_round_and_cover_everything(oldest: int, lines: list[int]) -> None:
    bins = age_bins(oldest, lines=lines)
    assert 1 <= bins.count <= MOST_BARS
    assert bins.width in ROUND
    assert 0 <= bins.place(oldest) < bins.count
    spans = [bins.span(place) for place in range(bins.count)]
    assert spans[0][0] == 0
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
    for place, (first, last) in enumerate(spans):
        assert bins.place(first) == bins.place(last) == place
    assert bins.place(-3) == 0


def test_a_retention_of_round_days_falls_between_two_bars() -> None:
    bins = age_bins(500, lines=[400])
    assert bins.width == 10
    assert bins.line(400) == bins.place(401) == bins.place(400) + 1


def test_a_retention_far_beyond_the_data_is_left_outside() -> None:
    assert age_bins(20, lines=[5000]).count <= 30
    near = age_bins(300, lines=[400])
    assert near.line(400) <= near.count


def test_parts_stand_upon_each_other_at_the_foot() -> None:
    chart = drawn([(10, 0), (0, 0), (4, 6), (0, 20)])
    assert [round(bar.place) for bar in chart.bars] == [0, 50, 75]
    for bar in chart.bars:
        assert bar.lower_y + bar.lower_height == pytest.approx(chart.base)
        assert bar.upper_y + bar.upper_height == pytest.approx(bar.lower_y)
        assert bar.upper_y >= chart.top - 0.01
        assert bar.place <= bar.x < bar.x + bar.width <= bar.place + bar.place_width
    tallest = chart.bars[-1]
    assert tallest.upper_height == pytest.approx(chart.room)
    assert chart.height == HEIGHT
    assert [tick.label for tick in chart.down] == ["0", "10", "20"]
    assert chart.down[0].at == chart.base
    assert [tick.anchor for tick in chart.across] == ["start", "middle", "end"]


@given(st.lists(st.floats(0, 20), max_size=7))
def test_no_label_covers_another_and_none_leaves_the_drawing(places: list[float]) -> None:
    chart = drawn([(1, 1)] * 20, lines=tuple(places))
    assert len(chart.rules) == len(places)
    labels = []
    for rule in chart.rules:
        assert 0 <= rule.x <= 100
        if rule.label:
            begins = rule.label_x if rule.anchor == "start" else rule.label_x - 25
            assert begins >= -0.01
            assert begins + 25 <= 100.01
            assert rule.label_y < chart.top
            labels.append((rule.label_y, begins))
    for (row, begins), (other_row, other) in combinations(labels, 2):
        assert row != other_row or abs(begins - other) >= 24.99


def test_lines_without_room_for_a_label_are_drawn_all_the_same() -> None:
    chart = drawn([(1, 0)] * 10, lines=(1, 1.1, 1.2, 1.3, 1.4))
    assert [bool(rule.label) for rule in chart.rules] == [True, True, True, False, False]
    assert len({rule.x for rule in chart.rules}) == 5
