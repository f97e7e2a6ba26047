"""Memory and PostgreSQL agree, step by step, over many lives of an organization.

`make test` takes a modest number of lives; `pytest -m long tests/agreement` takes 500, or as many as
EBBTIDE_TEST_SEQUENCES says.
"""

import os
from collections.abc import Sequence
from concurrent.futures import Executor

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ebbtide.engine import sweep
from ebbtide.pg.launcher import Urls
from tests.agreement.machine import Agreement
from tests.engine.night import AtLast, AtOnce

STEPS = 20
LIVES, LONG_LIVES = 25, 500


AHEAD = ("claim ahead", "ask again", "give back")


def live(lives: int, *, derandomize: bool, reach: Sequence[str]) -> None:
    """Take that many lives through the machine; their runs come to those steps, in both worlds."""
    Agreement.reached.clear()
    run_state_machine_as_test(
        Agreement,
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=derandomize,
            database=None,
            print_blob=False,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert_reached(reach)


def assert_reached(steps: Sequence[str]) -> None:
    assert len(Agreement.reached) == 2
    for world, reached in Agreement.reached.items():
        for step in steps:
            assert reached[step], f"{world.__name__} never came to {step!r}"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows and objects a batch (each life says how many), and no talk."""
    monkeypatch.setattr(sweep, "ROWS_PER_BATCH", 4)
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 2)
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])


def test_memory_and_postgresql_agree(database: Urls) -> None:
    live(LIVES, derandomize=True, reach=AHEAD[:2])  # a few lives come to the third by luck; the next test does always


@pytest.mark.parametrize("beside", [AtOnce, AtLast])
@pytest.mark.parametrize("change", ["disarm", "switch", "jobs"])
def test_they_agree_where_a_batch_claimed_ahead_is_given_back(
    database: Urls, change: str, beside: type[Executor]
) -> None:
    Agreement.reached.clear()
    life = Agreement()
    life.begin(share=None, items=None, amount=None, stretch=100_000, batch=1, beside=beside, armed=True, days=(5, 5, 5))
    life.agree()
    life.night_of_many_batches(batch=1, change=change)
    life.agree()
    life.teardown()
    assert_reached(AHEAD)


@pytest.mark.long
def test_memory_and_postgresql_agree_over_many_lives(database: Urls) -> None:
    live(int(os.environ.get("EBBTIDE_TEST_SEQUENCES", str(LONG_LIVES))), derandomize=False, reach=AHEAD)
