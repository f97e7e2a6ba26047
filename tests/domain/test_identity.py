"""Public ids say what they name; nothing else is read as one."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.errors import NotYours
from ebbtide.domain.identity import Kind, looks_like, not_found, parse_id, public_id

KINDS = get_args(Kind)
kinds = st.sampled_from(KINDS)


@given(kinds, st.integers(1, 10**18 - 1))
def test_an_id_is_read_back(kind: Kind, number: int) -> None:
    assert parse_id(kind, public_id(kind, number)) == number
    assert looks_like(kind, public_id(kind, number))


@given(kinds, kinds, st.integers(1, 10**9))
def test_an_id_of_one_kind_is_never_taken_for_another(kind: Kind, other: Kind, number: int) -> None:
    if kind != other:
        with pytest.raises(NotYours):
            parse_id(kind, public_id(other, number))
        assert not looks_like(kind, public_id(other, number))


@pytest.mark.parametrize(
    "text",
    ["", "7", "org", "org_", "org_0", "org_07", "org_-7", "org_7 ", " org_7", "org_7\n",
     "ORG_7", "org_\uff17", "org_1e3",
     "org_7;drop", "org_../7", "org_\x007", "org_" + "9" * 19, "org-7", "%", "=org_7"],
)  # fmt: skip
def test_malformed_ids_are_answered_like_missing_ones(text: str) -> None:
    with pytest.raises(NotYours) as refused:
        parse_id("org", text)
    assert refused.value.message == not_found("org", text).message
    assert not looks_like("org", text)
