"""Memory and PostgreSQL agree, step by step, over many lives of an organization.

`make test` takes a modest number of lives; `pytest -m long tests/agreement` takes 500, or as many as
EBBTIDE_TEST_SEQUENCES says.
"""

import os

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ebbtide.engine import sweep
from ebbtide.pg.launcher import Urls
from tests.agreement.machine import Agreement

STEPS = 20
LIVES, LONG_LIVES = 25, 500


def live(lives: int, *, derandomize: bool) -> None:
    """Take that many lives through the machine; their runs claim ahead, ask again and give back, in both worlds."""
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
    assert len(Agreement.reached) == 2
    for world, reached in Agreement.reached.items():
        for step in ("claim ahead", "ask again", "give back"):
            assert reached[step], f"{world.__name__} never came to {step!r}"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows and objects a batch (each life says how many), and no talk."""
    monkeypatch.setattr(sweep, "ROWS_PER_BATCH", 4)
    monkeypatch.setattr(sweep, "OBJECTS_PER_BATCH", 2)
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])


def test_memory_and_postgresql_agree(database: Urls) -> None:
    live(LIVES, derandomize=True)


@pytest.mark.long
def test_memory_and_postgresql_agree_over_many_lives(database: Urls) -> None:
    live(int(os.environ.get("EBBTIDE_TEST_SEQUENCES", str(LONG_LIVES))), derandomize=False)
