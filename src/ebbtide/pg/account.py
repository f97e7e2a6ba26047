"""Who runs the server.

PostgreSQL refuses to run as root, and rightly. An ordinary user runs it as themselves. Root runs it as the owner of
the cluster it finds (a folder made by an ordinary user stays theirs), else as the system user `postgres`, else as
`nobody`. No user is ever created: a retention product has no business in /etc/passwd.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from ebbtide.domain.errors import Refused


@dataclass(frozen=True)
class Account:
    """A system user, by number.

    Args:
        uid: user id.
        gid: primary group id.
        name: for messages.
    """

    uid: int
    gid: int
    name: str


def account_for(cluster: Path) -> Account:
    """Decide who runs the server on this cluster.

    Args:
        cluster: the cluster's folder; need not exist yet.

    Returns:
        Ourselves, unless we are root.

    Raises:
        Refused: as root, no unprivileged user fits.
    """
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), name=f"user {os.geteuid()}")
    if cluster.is_dir() and (owner := cluster.stat().st_uid) != 0:
        try:
            return _of(pwd.getpwuid(owner))
        except KeyError:
            msg = f"{cluster} belongs to user {owner}, who does not exist here: give it to an existing user (chown -R)."
            raise Refused(msg) from None
    for name in ("postgres", "nobody"):
        try:
            return _of(pwd.getpwnam(name))
        except KeyError:
            continue
    msg = "PostgreSQL may not run as root and there is no user postgres or nobody: start Ebbtide as an ordinary user."
    raise Refused(msg)


def _of(entry: pwd.struct_passwd) -> Account:
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name)
