"""Two hosts on one machine: network namespaces with a cable each to a third, where database and object store stand."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ebbtide.pg import server
from ebbtide.pg.launcher import EmbeddedPostgres, Urls

_COMMAND = [sys.executable, "-c", "from ebbtide.cli.main import run; run()"]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Host:
    """A host.

    Attributes:
        name: of its namespace.
        cable: the end of its cable that is not in it.
        at: the address at which it finds everything.
    """

    name: str
    cable: str
    at: str

    def start(self, *arguments: str, environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """Start one of the product's commands there."""
        with log.open("wb") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *_COMMAND, *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                process_group=0,
            )

    def cut(self) -> None:
        """Pull its cable: nothing comes through any more, and nobody is told."""
        ip("link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put its cable back."""
        ip("link", "set", self.cable, "up")


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Make hosts; they go with the block. Skips the test where nobody may make any."""
    made: list[Host] = []
    try:
        for number in range(1, count + 1):
            host = Host(f"ebbt{os.getpid()}-{number}", f"eb{os.getpid() % 100_000}r{number}", f"10.213.{number}.1")
            try:
                ip("netns", "add", host.name)
            except (OSError, subprocess.CalledProcessError) as exc:
                pytest.skip(f"no network namespace can be made here: {getattr(exc, 'stderr', exc)}")
            made.append(host)
            inner = f"eb{os.getpid() % 100_000}h{number}"
            ip("link", "add", host.cable, "type", "veth", "peer", "name", inner, "netns", host.name)
            ip("addr", "add", f"{host.at}/30", "dev", host.cable)
            ip("link", "set", host.cable, "up")
            for words in (
                ("addr", "add", f"10.213.{number}.2/30", "dev", inner),
                ("link", "set", inner, "up"),
                ("link", "set", "lo", "up"),
            ):
                ip("-n", host.name, *words)
        yield made
    finally:
        for host in made:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", host.name)


@contextlib.contextmanager
def served_by_address(folder: Path, at: list[Host]) -> Iterator[Urls]:
    """Run a PostgreSQL that also listens on TCP, where the hosts reach it, with passwords by scram."""
    settings = server._settings

    def listening(state: Any) -> list[str]:
        return [*settings(state), "-c", f"listen_addresses={','.join(host.at for host in at)}"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_settings", listening)
        running = EmbeddedPostgres(folder)
        urls = running.start()
    with (folder / "pg" / "pg_hba.conf").open("a") as hba:
        hba.write("host all all 10.213.0.0/16 scram-sha-256\n")
    try:
        yield urls
    finally:
        running.stop()


def by_address(url: str, host: Host) -> str:
    """Write a database's URL as a host must."""
    parts = urlsplit(url)
    return f"postgresql://{parts.username}:{parts.password}@{host.at}:{server.PORT}{parts.path}"
