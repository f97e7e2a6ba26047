"""What a job may be, and every wrong way of writing its period."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.errors import JobInvalid
from ebbtide.domain.job import Job, JobType, What, parse_days

BAD = [
    "0", "-1", "5001", "1.5", "", " ", "30 days", "days", "1e9", "1e2", "NaN", "inf", "None", "null", "true", "+30",
    "1_000", "5,000", "0x1e", "\u0663\u0660", "\uff13\uff10", "²",
    "3\u200b0", "\u202e30", "30\x00", "3\n0", "30;", "=30", "999999999999",
    "-0", "--30", "[30]", "30%", "%d", "A" * 10_000_000,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:12]))
def test_a_period_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(JobInvalid) as refused:
        parse_days(text)
    assert refused.value.field == "days"
    assert "1 to 5000" in refused.value.message


@given(st.integers(1, 5000), st.sampled_from(["", " ", "\t", "\n"]), st.sampled_from(["", " ", "\r\n"]))
def test_a_whole_number_is_read_as_a_person_writes_it(days: int, before: str, after: str) -> None:
    assert parse_days(f"{before}{days}{after}") == days


@given(st.text())
def test_any_other_text_is_refused_or_a_number_in_range(text: str) -> None:
    try:
        found = parse_days(text)
    except JobInvalid:
        return
    assert 1 <= found <= 5000
    assert text.strip().lstrip("0") == str(found)


@pytest.mark.parametrize("days", [0, -1, 5001, True, False, 1.0, 30.0, "30", None, float("nan"), [30], 10**9])
def test_a_job_with_such_a_period_cannot_exist(days: object) -> None:
    with pytest.raises(JobInvalid, match="1 to 5000"):
        Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=days)  # type: ignore[arg-type]


@pytest.mark.parametrize("days", [1, 5000])
def test_both_ends_of_the_range_are_valid(days: int) -> None:
    assert Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=Days(days)).days == days


@pytest.mark.parametrize(
    ("type", "what", "queues", "field"),
    [
        (JobType.GLOBAL, What.DESKTOP, frozenset(), "what"),
        (JobType.GLOBAL, What.ALL, frozenset({1}), "queue"),
        (JobType.QUEUE, What.ALL, frozenset(), "queue"),
        (JobType.QUEUE, What.DESKTOP, frozenset(), "queue"),
    ],
)
def test_parts_that_do_not_fit_are_refused(type: JobType, what: What, queues: frozenset[int], field: str) -> None:
    with pytest.raises(JobInvalid) as refused:
        Job(id=1, type=type, what=what, days=Days(30), queues=queues)
    assert refused.value.field == field


def test_what_a_job_takes_and_reaches() -> None:
    everywhere = Job(id=1, type=JobType.GLOBAL, what=What.ALL, days=Days(1))
    desktop = Job(id=2, type=JobType.QUEUE, what=What.DESKTOP, days=Days(1), queues=frozenset({1}))
    assert all(everywhere.takes(kind) for kind in DataType)
    assert [kind for kind in DataType if desktop.takes(kind)] == [DataType.DESKTOP]
    assert everywhere.reaches(None)
    assert everywhere.reaches(5)
    assert desktop.reaches(1)
    assert not desktop.reaches(2)
    assert not desktop.reaches(None)
