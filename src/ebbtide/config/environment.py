"""The settings a person can give, read from the environment: the only place that does.

Every value is checked here, once, so that a wrong one is refused at start with its name and the remedy instead of
failing in the middle of a night.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from ebbtide.domain.errors import InputInvalid


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says.

    Attributes:
        data: the data folder (embedded database, local objects, secrets); EBBTIDE_DATA.
        web_url: PostgreSQL for the web role; DATABASE_URL.
        sweep_url: for the sweep role; EBBTIDE_SWEEP_URL.
        owner_url: for migrations; EBBTIDE_OWNER_URL.
        objects_url: object store; EBBTIDE_OBJECTS_URL (file://, s3://bucket/prefix); None: DATA/objects.
        secret_key: signs sessions; EBBTIDE_SECRET_KEY; None: made once and kept in the data folder.
        hosts: names the web interface answers to; EBBTIDE_HOSTS, comma-separated.
        https: whether the web interface stands behind HTTPS; EBBTIDE_HTTPS (1 or 0).
        postgres_bin: folder of an installed PostgreSQL to use instead of the bundled one; EBBTIDE_POSTGRES_BIN.
    """

    data: Path
    web_url: str
    sweep_url: str
    owner_url: str
    objects_url: str | None
    secret_key: str | None
    hosts: tuple[str, ...]
    https: bool
    postgres_bin: Path | None


def _switch(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "1" if default else "0").strip()
    if text not in {"0", "1"}:
        raise InputInvalid(f"{name} must be 1 or 0, not {text!r}.", field=name)
    return text == "1"


def read_environment() -> Environment:
    """Read and check all settings.

    Raises:
        InputInvalid: a value cannot be used; `field` is the variable's name.
    """
    web_url = os.environ.get("DATABASE_URL", "")
    sweep_url = os.environ.get("EBBTIDE_SWEEP_URL", "")
    if web_url and not sweep_url:
        raise InputInvalid(
            "DATABASE_URL is set and EBBTIDE_SWEEP_URL is not: the worker needs its own role, see docs/database.md.",
            field="EBBTIDE_SWEEP_URL",
        )
    binaries = os.environ.get("EBBTIDE_POSTGRES_BIN", "")
    return Environment(
        data=Path(os.environ.get("EBBTIDE_DATA") or "data").absolute(),
        web_url=web_url,
        sweep_url=sweep_url,
        owner_url=os.environ.get("EBBTIDE_OWNER_URL", ""),
        objects_url=os.environ.get("EBBTIDE_OBJECTS_URL") or None,
        secret_key=os.environ.get("EBBTIDE_SECRET_KEY") or None,
        hosts=tuple(h.strip() for h in os.environ.get("EBBTIDE_HOSTS", "127.0.0.1,localhost").split(",") if h.strip()),
        https=_switch("EBBTIDE_HTTPS", default=False),
        postgres_bin=Path(binaries) if binaries else None,
    )
