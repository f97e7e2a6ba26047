"""Indexing the words of transcripts, of organizations that have some to index: what the worker and a command do."""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.db import Error

from ebbtide.apps.media.words import due_organizations, index_words, mend_words
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.wiring import object_store
from ebbtide.domain.errors import EbbtideError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class IndexReport:
    """What became of a pass: transcripts indexed, and organizations that failed, each with the reason."""

    transcripts: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)


def index(orgs: list[Organization] | None = None, *, stop: Callable[[], bool]) -> IndexReport:
    """Index what is not indexed yet; a failing organization never stops the next.

    Args:
        orgs: which, with all they hold, and what is wrong in it mended; None for those in which something changed
            since it was indexed.
        stop: asked before each organization and handful.
    """
    report = IndexReport()
    for org in due_organizations() if orgs is None else orgs:
        if stop():
            break
        try:
            if orgs is not None:
                mend_words(org)
            report.transcripts += index_words(org, store=object_store(), stop=stop)
        except EbbtideError as exc:
            log.error("indexing failed", org=org.id, error=exc.code, reason=exc.message)
            report.failures.append((org.id, exc.message))
        except Error as exc:  # a fault in our SQL: this organization's transcripts are not found, the others' are
            log.error("indexing broken", org=org.id, error=type(exc).__name__)
            report.failures.append(
                (org.id, f"the database refused what Ebbtide asked ({type(exc).__name__}): see the log")
            )
    return report
