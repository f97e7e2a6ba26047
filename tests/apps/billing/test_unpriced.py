"""Forecasts before the operator has set a price."""

from ebbtide.apps.billing.cost_panel import cost_panel
from ebbtide.apps.billing.outlooks import as_it_stands, basis_of
from ebbtide.domain.calendar import Days
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.pg.launcher import Urls
from tests.cast import centre

from .test_outlooks import CLOCK, fill


def test_without_prices_bytes_are_foretold_all_the_same(database: Urls) -> None:
    org = centre("Alice's")
    fill(org, days=3)
    basis = basis_of(org, now=CLOCK.now())
    assert not basis.priced
    assert as_it_stands(basis).view[DataType.DESKTOP][-1].at_end.expected > 0
    assert cost_panel(basis, job=Job(9, JobType.GLOBAL, What.ALL, Days(30))).priced is False
