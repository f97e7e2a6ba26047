"""Media over real PostgreSQL and a real folder."""

import pytest

from ebbtide.pg.launcher import Urls
from tests.apps.media.scene import Scene, two_centres


@pytest.fixture
def scene(database: Urls) -> Scene:
    """Two organizations."""
    return two_centres()
