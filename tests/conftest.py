"""A real PostgreSQL for every test that asks for one: a server a process, a migrated template, a clone a test."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import pytest

_FOLDER = Path(tempfile.mkdtemp(prefix="ebbtide-tests-"))
os.environ["EBBTIDE_DATA"] = str(_FOLDER)
os.environ["EBBTIDE_SECRET_KEY"] = "only for tests"
os.environ["EBBTIDE_SECOND_FACTOR"] = "nobody"  # tests of the second factor ask for it themselves
os.environ["DJANGO_SETTINGS_MODULE"] = "ebbtide.config.settings"
for name in ("DATABASE_URL", "EBBTIDE_SWEEP_URL", "EBBTIDE_OWNER_URL", "EBBTIDE_OBJECTS_URL"):
    os.environ.pop(name, None)
if os.environ.get(
    "EBBTIDE_TEST_POSTGRES_BIN"
):  # an installed PostgreSQL instead of the wheel's, for every server of a test
    os.environ["EBBTIDE_POSTGRES_BIN"] = os.environ["EBBTIDE_TEST_POSTGRES_BIN"]
django.setup()

import psycopg  # noqa: E402 - Django comes first
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from ebbtide.apps.orgs.database import connect  # noqa: E402
from ebbtide.apps.runs.schema import migrate  # noqa: E402
from ebbtide.apps.runs.wiring import object_store  # noqa: E402
from ebbtide.pg import server as pg_server  # noqa: E402
from ebbtide.pg.launcher import EmbeddedPostgres, Urls  # noqa: E402
from ebbtide.stores.objects import trials  # noqa: E402

_numbers = itertools.count(1)


def _named(url: str, database: str) -> str:
    return url.replace("@/ebbtide?", f"@/{database}?")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    """A PostgreSQL of this test process; its database `ebbtide` has the tables and stays a template."""
    running = EmbeddedPostgres(tmp_path_factory.mktemp("cluster"), binaries=settings.EBBTIDE_POSTGRES_BIN)
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # no fall of this server has to be survived: each test's copy goes quicker
        usual = pg_server._settings
        patch.setattr(pg_server, "_settings", lambda state: [*usual(state), "-c", "fsync=off"])
        urls = running.start()
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    migrate()
    connections.close_all()
    yield urls
    connections.close_all()
    running.stop()


@contextmanager
def own_database(server: Urls, name: str, *, template: str, folder: Path) -> Iterator[Urls]:
    """A copy of a template that goes afterwards, with a data folder, for as long as the block lasts."""
    with psycopg.connect(server.superuser, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER ebbtide_owner STRATEGY file_copy")
    urls = Urls(
        owner=_named(server.owner, name),
        web=_named(server.web, name),
        sweep=_named(server.sweep, name),
        superuser=_named(server.superuser, name),
    )
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "EBBTIDE_DATA", folder)
        patch.setattr(settings, "EBBTIDE_OBJECTS_URL", (folder / "objects").as_uri())
        patch.setattr(trials, "MANY", 3)  # every test's store is a new one, and is probed before its first live run
        object_store.cache_clear()
        yield urls
        object_store.cache_clear()
        connections.close_all()


@pytest.fixture
def template() -> str:
    """The database that a test's own is copied from: migrated and empty, unless its package has a fuller one."""
    return "ebbtide"


@pytest.fixture
def database(server: Urls, template: str, tmp_path: Path) -> Iterator[Urls]:
    """A database of this test's own, and a data folder of its own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with own_database(server, name, template=template, folder=tmp_path) as urls:
        yield urls
    with psycopg.connect(server.superuser, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
