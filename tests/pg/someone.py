"""One user of the database, in a process of its own: says READY, works until its input ends or it is killed."""

import sys
from pathlib import Path

import psycopg

from ebbtide.domain.errors import EbbtideError
from ebbtide.pg.launcher import open_database


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


data, binaries = Path(sys.argv[1]), (None if sys.argv[2] == "-" else Path(sys.argv[2]))
try:
    with open_database(data, binaries=binaries) as urls, psycopg.connect(urls.owner, autocommit=True) as connection:
        say("READY")
        for _ in sys.stdin:
            say(*connection.execute("SELECT 41 + 1").fetchone())
    say("LEFT")
except EbbtideError as exc:
    say(type(exc).__name__, exc)
    sys.exit(exc.exit_code)
