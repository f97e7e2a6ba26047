"""The product's own web server (`ebbtide web`, granian), on the bench's database."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from bench.measure import Urls

PORT = 18_471


class Served:
    """`ebbtide web` for as long as the block lasts, at `127.0.0.1:PORT`.

    Args:
        urls: of the database.
        folder: the data folder, with the objects.
    """

    def __init__(self, urls: Urls, *, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "DATABASE_URL": urls.web,
            "EBBTIDE_SWEEP_URL": urls.sweep,
            "EBBTIDE_DATA": str(folder),
            "EBBTIDE_FEED_PER_MINUTE": "1000000",
            "EBBTIDE_API_PER_MINUTE": "1000000",
        }
        self._environment.pop("EBBTIDE_OBJECTS_URL", None)

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", "from ebbtide.cli.main import run; run()", "web", "--port", str(PORT)]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise SystemExit("the web server did not start")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _status(self, name: str) -> float:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        most = 0.0
        for pid in [str(self._process.pid), *children]:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(name):
                    most = max(most, int(line.split()[1]) / 1024)
        return most

    def resident_mib(self) -> float:
        """What the larger of its processes holds."""
        return self._status("VmRSS:")

    def peak_mib(self) -> float:
        """The most it ever held."""
        return self._status("VmHWM:")
