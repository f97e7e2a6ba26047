"""A real S3 server that hangs, lies, answers late or loses the answer, at the steps of a real night.

The client of these tests has a second of patience and does not try again by itself, so that each fault is felt. The
ordinary suite takes each fault once; `-m long` takes each at every step that asks the store.
"""

import pytest

from ebbtide.domain.outcome import RunOutcome
from tests.engine.night import Steps
from tests.faults.matrix import SIZE, converges, sound, undisturbed
from tests.faults.proxy import MODES, BadStore, Mode
from tests.journeys.scenes import centre, picture

ASKING = ("destroy", "missing", "keys")


def matrix(bad: BadStore, *, modes: tuple[Mode, ...], all_of_them: bool) -> None:
    quiet = undisturbed()
    neighbour = centre("Neighbour", size=SIZE, armed=False)
    untouched = picture(neighbour)
    steps = [at for at, step in enumerate(quiet.steps) if step in ASKING]
    for mode in modes:
        chosen = steps if all_of_them else [at for at in steps if quiet.steps[at] == "destroy"][1:2]
        for at in chosen:
            for deletes_alone in (True, False) if all_of_them else (True,):
                name = f"{mode} ({'deletes' if deletes_alone else 'anything'}) at step {at} ({quiet.steps[at]})"
                treated = bad.treated

                def turn(mode: Mode = mode, deletes_alone: bool = deletes_alone) -> None:
                    bad.arm(mode, deletes_alone=deletes_alone)

                _, ends = converges(name, quiet=quiet, steps=Steps(at=at, before=turn), calm=bad.calm)
                if quiet.steps[at] == "destroy" and deletes_alone:
                    assert bad.treated == treated + 1, f"{name}: nothing was treated badly"
                assert RunOutcome.FAILED not in ends, name
    assert picture(neighbour) == untouched
    assert sound() == []


def test_a_store_that_behaves_badly(bad_store: BadStore) -> None:
    matrix(bad_store, modes=("lost", "lies"), all_of_them=False)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_store_that_behaves_badly_at_any_step(bad_store: BadStore, mode: Mode) -> None:
    matrix(bad_store, modes=(mode,), all_of_them=True)
