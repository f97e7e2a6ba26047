"""A scene is built once a module and cloned for each test: building it takes a second, cloning a tenth of one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from shutil import copytree
from typing import Generic, TypeVar

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import connect
from ebbtide.apps.runs.wiring import object_store
from ebbtide.pg.launcher import Urls

T = TypeVar("T")


@dataclass(frozen=True)
class Stage(Generic[T]):
    """A database and a data folder that stay as they are, and what the builder gave back."""

    server: Urls
    name: str
    folder: Path
    cast: T


@contextmanager
def stage(server: Urls, *, name: str, folder: Path, build: Callable[[], T]) -> Iterator[Stage[T]]:
    """Build a scene in a database of its own; it is gone afterwards."""
    with _opened(server, name=name, template="ebbtide", folder=folder):
        built = build()
    yield Stage(server, name, folder, built)
    _do(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def clone(staged: Stage[T], *, folder: Path) -> Iterator[Urls]:
    """Work in a copy of the scene, with its objects in `folder`; it is gone afterwards."""
    name = f"{staged.name}_clone"
    if (staged.folder / "objects").exists():
        copytree(staged.folder / "objects", folder / "objects")
    with _opened(staged.server, name=name, template=staged.name, folder=folder) as urls:
        yield urls
    _do(staged.server, f"DROP DATABASE {name} WITH (FORCE)")


def _do(server: Urls, statement: str) -> None:
    """Run a statement on a connection that does not stay: it leads to the template, which nobody may hold open."""
    with psycopg.connect(server.superuser, autocommit=True) as admin:
        admin.execute(statement.encode())


@contextmanager
def _opened(server: Urls, *, name: str, template: str, folder: Path) -> Iterator[Urls]:
    _do(server, f"CREATE DATABASE {name} TEMPLATE {template} OWNER ebbtide_owner STRATEGY file_copy")
    urls = Urls(*[getattr(server, one.name).replace("@/ebbtide?", f"@/{name}?") for one in fields(Urls)])
    connect(web=urls.web, sweep=urls.sweep, owner=urls.owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "EBBTIDE_DATA", folder)
        patch.setattr(settings, "EBBTIDE_OBJECTS_URL", (folder / "objects").as_uri())
        object_store.cache_clear()
        yield urls
    object_store.cache_clear()
    connections.close_all()
