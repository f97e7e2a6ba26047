"""The object store: whether it is there, asked for no longer than a person waits; and what it was last seen to do."""

import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong

from django.utils.translation import gettext as _

from ebbtide.apps.runs.probing import last_probe, not_proved
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.errors import EbbtideError
from ebbtide.web.context.console.workers import ProbeNote, StoreNote

PATIENCE_S = 5.0


def ask_store() -> StoreNote:
    """Look for the mark that Ebbtide left in the store; nothing is written or deleted.

    In a thread of its own, which is left to itself where the store takes its time.
    """
    asking = ThreadPoolExecutor(1, thread_name_prefix="store")
    began = time.monotonic()
    answer = asking.submit(lambda: object_store().missing([]))
    asking.shutdown(wait=False)
    try:
        answer.result(timeout=PATIENCE_S)
    except TooLong:
        reason = _("It did not answer within %(n)d seconds.") % {"n": int(PATIENCE_S)}
        return StoreNote(asked=True, reason=reason)
    except EbbtideError as exc:
        return StoreNote(asked=True, reason=exc.message)
    return StoreNote(asked=True, reachable=True, took_ms=round((time.monotonic() - began) * 1000))


def probe_note() -> ProbeNote | None:
    """Say what the store of the settings was seen to do when it was last probed; None where it never was."""
    row = last_probe()
    if row is None:
        return None
    return ProbeNote(
        identity=row.identity,
        probed_at=row.probed_at,
        proves=row.proves,
        passed=sum(one["end"] == "pass" for one in row.behaviours),
        tried=len(row.behaviours),
        missing=tuple(f"{one['name']}: {one['seen']}" for one in not_proved(row)),
    )
