"""A table in memory: sorted, searched, cut by key, taken away whole; the database's half is tested with the runs."""

from dataclasses import dataclass

import pytest
from django.http import QueryDict

from ebbtide.domain.errors import InputInvalid
from ebbtide.web.listing import Column, Listing, Table, asked_of, csv_answer, list_rows, sorted_rows


@dataclass(frozen=True)
class Fruit:
    name: str
    weight: int | None


TABLE: Table[Fruit] = Table(
    name="fruit",
    columns=(
        Column(name="name", label="Name", value=lambda row: row.name),
        Column(name="weight", label="Weight", value=lambda row: row.weight, number=True),
        Column(name="peel", label="Peel", value=lambda row: "thin" if row else "", sortable=False),
    ),
    sort="name",
    text=lambda row: row.name,
    row_key=lambda row: row.name,
    size=3,
)
BASKET = [Fruit(name, weight) for name, weight in zip("fbdaecG", (6, 2, None, 1, 5, 3, 7), strict=True)]


def shown(query: str, basket: list[Fruit] = BASKET) -> Listing[Fruit]:
    return list_rows(TABLE, basket, asked=asked_of(QueryDict(query), table=TABLE))


def names(listing: Listing[Fruit]) -> str:
    return "".join(row.name for row in listing.rows)


def test_pages_follow_each_other_there_and_back() -> None:
    first = shown("other=1")
    assert (names(first), first.previous, first.total) == ("abc", "", 7)
    second = shown(first.next)
    third = shown(second.next)
    assert (names(second), names(third), third.next) == ("def", "G", "")
    assert names(shown(third.previous)) == "def"
    assert names(shown(second.previous)) == "abc"
    assert "other=1" in second.next


def test_a_row_that_comes_in_between_moves_nothing() -> None:
    after = shown("").next
    assert names(shown(after, [*BASKET, Fruit("aa", 9)])) == "def"


def test_sorting_takes_what_is_unknown_for_the_greatest_and_turns_at_the_second_click() -> None:
    head = shown("").heads[1]
    assert (head.sorted, head.query) == ("", "fruit.sort=weight")
    up = shown(head.query)
    assert [row.weight for row in up.rows] == [1, 2, 3]
    assert up.heads[1].sorted == "ascending"
    assert [row.weight for row in shown(up.next).rows] == [5, 6, 7]
    down = shown(up.heads[1].query)
    assert down.heads[1].sorted == "descending"
    assert [row.weight for row in down.rows][1:] == [7, 6]
    assert shown("").heads[2].query == ""


def test_searching_starts_at_the_first_page_and_keeps_the_order() -> None:
    found = shown("fruit.sort=-name&fruit.find=G&x=y")
    assert (names(found), found.total) == ("G", 1)
    assert found.kept == (("x", "y"), ("fruit.sort", "-name"))
    assert "fruit.find=G" in found.csv
    assert shown("fruit.find=nothing").rows == ()


@pytest.mark.parametrize(
    "query",
    [
        "fruit.sort=colour", "fruit.sort=peel", "fruit.after=abc", "fruit.before=%00", "fruit.find=" + "x" * 201,
        "fruit.find=%00", "fruit.after=a&fruit.before=b",
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(query: str) -> None:
    with pytest.raises(InputInvalid):
        shown(query)


def test_csv_has_every_row_and_cannot_act() -> None:
    asked = asked_of(QueryDict("csv=fruit&fruit.sort=-weight"), table=TABLE)
    assert asked.csv
    rows = sorted_rows(TABLE, [*BASKET, Fruit("=cmd|1", 8)], asked=asked)
    answer = csv_answer(TABLE, rows, name="fruit")
    lines = b"".join(answer).decode().splitlines()
    assert lines[0] == '\N{ZERO WIDTH NO-BREAK SPACE}"name","weight","peel"'
    assert lines[1:3] == ['"d","","thin"', '"\'=cmd|1","8","thin"']
    assert len(lines) == 9
    assert answer["Content-Disposition"] == 'attachment; filename="fruit.csv"'
