"""Every guard that is broken on purpose must be noticed; takes about half an hour, so that runs by `make test-long`.

One guard alone: `python -m tests.agreement.mutants "re-check: armed"`.
"""

import pytest

from tests.agreement.mutants import MACHINE, MUTANTS, OTHERS, SOURCE, Mutant, caught_by


def test_every_mutant_still_finds_its_text() -> None:
    for mutant in MUTANTS:
        for edit in mutant.edits:
            assert (SOURCE / edit.file).read_text(encoding="utf-8").count(edit.old) == 1, mutant.name


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_guard_is_noticed(mutant: Mutant) -> None:
    if mutant.held_by:
        pytest.skip(f"harmless: {mutant.held_by}")
    assert mutant.noticed() or caught_by(mutant, MACHINE)


@pytest.mark.long
def test_nothing_is_noticed_where_nothing_is_broken() -> None:
    assert caught_by(None, [*OTHERS]) == ""
    assert caught_by(None, [*MACHINE]) == ""
