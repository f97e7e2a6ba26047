"""The two centres, made once in each test process and copied for each test."""

import os
import shutil
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from ebbtide.apps.orgs.models import Organization
from ebbtide.pg.launcher import Urls
from tests.conftest import own_database

from .scene import two_centres


@dataclass(frozen=True)
class Scene:
    """A database and a data folder that stand, to be copied, and the two centres in them."""

    database: str
    folder: Path
    orgs: tuple[Organization, Organization]


@pytest.fixture(scope="session")
def exports_scene(server: Urls, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    name, folder = f"exports_{os.getpid()}", tmp_path_factory.mktemp("exports")
    with own_database(server, name, template="ebbtide", folder=folder):
        return Scene(name, folder, two_centres())


@pytest.fixture
def template(exports_scene: Scene) -> str:
    return exports_scene.database


@pytest.fixture
def orgs(database: Urls, exports_scene: Scene, tmp_path: Path) -> tuple[Organization, Organization]:
    shutil.copytree(exports_scene.folder, tmp_path, dirs_exist_ok=True)
    return deepcopy(exports_scene.orgs)
