"""The entry point: names the settings and the data folder, starts Django, then hands over to the commands.

Django must be started before anything that holds a model can be imported, and the data folder must be known before
Django is started; that is why this module looks at the arguments once, before the commands are there to do it.
"""

import os
import sys
from importlib import import_module

import django

from ebbtide.domain.errors import InputInvalid

DEMO_DATA = "demo-data"
"""Where the demo lives if nobody says otherwise: never among real data."""


def _named_folder(arguments: list[str]) -> str | None:
    """Find `--data DIR` or `--data=DIR` among the arguments; the last one counts."""
    found = None
    for position, argument in enumerate(arguments):
        if argument == "--data" and position + 1 < len(arguments):
            found = arguments[position + 1]
        elif argument.startswith("--data="):
            found = argument.removeprefix("--data=")
    return found


def run() -> None:
    """Run the command line; ends the process with an exit code of the error tree (0, 1, 2, 3, 4, 5)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ebbtide.config.settings")
    folder = _named_folder(sys.argv[1:])
    if folder:
        os.environ["EBBTIDE_DATA"] = folder
    elif sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("EBBTIDE_DATA", DEMO_DATA)
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("EBBTIDE_SECOND_FACTOR", "nobody")  # invented people, for an afternoon
    try:
        django.setup()
    except InputInvalid as exc:
        sys.stderr.write(f"{exc.message}\n")
        sys.exit(exc.exit_code)
    import_module("ebbtide.cli.commands").app()
