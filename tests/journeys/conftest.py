"""Journeys need the product's commands as processes, on the test's own database."""

from pathlib import Path

import pytest

from ebbtide.pg.launcher import Urls
from tests.journeys.product import Product, on_database


@pytest.fixture
def product(database: Urls, tmp_path: Path) -> Product:
    """Ebbtide on the test's database; the folder is only for files."""
    return on_database(database, tmp_path)
