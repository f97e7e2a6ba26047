"""Both kinds of store, each seen by the product and, independently of it, by the file system or boto3."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ebbtide.stores.objects import Objects
from tests.stores import seaweed

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A store of a test's own.

    Attributes:
        kind: folder or s3.
        url: what an operator would set.
        objects: the store under test.
        seen: what is there beside the mark, by another way than the store under test.
    """

    kind: str
    url: str
    objects: Objects
    seen: Callable[[], set[str]]


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweed.Seaweed]:
    """A SeaweedFS of this test process; started when the first test asks for it."""
    with seaweed.running(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def s3_settings(seaweedfs: seaweed.Seaweed, monkeypatch: pytest.MonkeyPatch) -> seaweed.Seaweed:
    """Point the environment at SeaweedFS, as an operator would."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", seaweedfs.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return seaweedfs


def folder_place(folder: Path) -> Place:
    """A store in a folder."""

    def seen() -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()} - {".ebbtide"}

    return Place("folder", folder.as_uri(), Objects(folder.as_uri()), seen)


def s3_place(server: seaweed.Seaweed) -> Place:
    """A store below a prefix of its own in the one bucket."""
    prefix = f"test-{next(_numbers)}"
    client = server.client()

    def seen() -> set[str]:
        return {key.removeprefix(f"{prefix}/") for key in seaweed.listed(client, prefix=f"{prefix}/")} - {".ebbtide"}

    url = f"s3://{seaweed.BUCKET}/{prefix}"
    return Place("s3", url, Objects(url), seen)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each of the two kinds in turn."""
    if request.param == "folder":
        return folder_place(tmp_path / "objects")
    return s3_place(request.getfixturevalue("s3_settings"))
