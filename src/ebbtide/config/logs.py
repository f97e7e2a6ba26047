"""How Django and the libraries log: what happened and where, never with which values.

A traceback's last line often quotes what was being worked on, and that can be a customer's. So the log names the kind
of exception and the places it went through; whoever needs the values reproduces it.
"""

import logging
import traceback
from types import TracebackType


class PlaceFormatter(logging.Formatter):
    """Formats a record in one line, and an exception as its kind and the places it went through."""

    def formatException(  # noqa: N802 - the name logging calls
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """Name the exception's kind and its places."""
        kind, _, places = ei
        if kind is None:
            return ""
        frames = traceback.extract_tb(places)
        return "\n".join([kind.__name__, *[f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]])


def logging_by_place() -> dict[str, object]:
    """Give the logging setting: warnings and worse to standard error, without values."""
    console = {"handlers": ["console"], "level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "place": {"()": PlaceFormatter, "format": "{asctime} {levelname} {name} {message}", "style": "{"}
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "place"}},
        "root": console,
        "loggers": {"django": {**console, "propagate": False}},
    }
