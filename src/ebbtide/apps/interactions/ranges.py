"""The part of a file that a request asks for (RFC 9110, section 14): one range of bytes, or all of it."""

import re

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


class OutOfReachError(Exception):
    """The range lies behind the file's end."""


def asked_part(header: str, *, size: int) -> tuple[int, int] | None:
    """Read a Range header.

    Args:
        header: as it came; empty where there is none.
        size: of the file, in bytes.

    Returns:
        First byte, and the one behind the last; None for the whole file, also where the header asks for several parts
        or cannot be read: both may be answered by all of it.

    Raises:
        OutOfReachError: no byte of it is there.
    """
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:  # so many of the last
        start, end = max(0, size - int(found[2])), size
        if not int(found[2]):
            raise OutOfReachError
    else:
        start = int(found[1])
        end = min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise OutOfReachError
    return start, end
