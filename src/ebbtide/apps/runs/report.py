"""A run's report as one JSON file that a person downloads: what the page tells, for their own records.

It holds numbers, Qs' names, jobs and dates, and nothing of a customer or a colleague. Keys are only ever added; a
change of what one means raises `FORMAT`.
"""

import json
from datetime import datetime

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.horizon import horizon_of, told
from ebbtide.apps.runs.run_pages import RunFacts, plan_note
from ebbtide.domain.identity import public_id
from ebbtide.domain.outcome import RunOutcome
from ebbtide.engine.admit import Mode
from ebbtide.web.context.shared import JobLine

FORMAT = "ebbtide-run-report/1"


def report(facts: RunFacts, *, org: Organization, now: datetime) -> str:
    """Write a run's report; expects an open transaction in the organization.

    Args:
        facts: of the run.
        org: its organization.
        now: the moment it is written.
    """
    run, plan, note = facts.run, facts.plan, plan_note(facts)
    written = {
        "format": FORMAT,
        "written_at": now,
        "organization": {"id": public_id("org", org.id), "name": org.name, "zone": org.zone},
        "run": {
            "id": public_id("run", run.id),
            "night": run.local_date,
            "started_by": "schedule" if run.trigger == "nightly" else "operator",
            "mode": run.mode,
            "outcome": run.outcome or "running",
            "reason": run.reason,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "stopped_at": run.cancelled_at,
            "stopped_by": run.cancelled_by or None,
            "seconds": facts.seconds,
            "read_back": None if run.mode != Mode.LIVE or run.outcome is None else run.outcome == RunOutcome.COMPLETED,
        },
        "numbers": {
            "planned": {"items": plan.items, "bytes": plan.bytes},
            "purged": {"items": facts.book.purged.items, "bytes": facts.book.purged.bytes},
            "kept": {"items": run.kept},
            "failed": {"items": run.failed},
            "not_reached": {"items": run.not_reached},
        },
        "plan": {
            "id": public_id("plan", plan.id),
            "sha256": note.digest,
            "as_of": plan.as_of,
            "made_at": plan.made_at,
            "cells": plan.cells,
            "oldest_day": plan.oldest,
            "newest_day": plan.newest,
            "items_stored_then": plan.population,
            "confirmed_at": plan.confirmed_at,
        },
        "jobs": [_job(job) for job in note.jobs],
        "by_queue_and_data_type": [
            {
                "queue": line.queue,
                "data_type": line.data_type,
                "planned_items": line.planned,
                "planned_bytes": line.planned_bytes,
                "purged_items": line.purged,
                "purged_bytes": line.purged_bytes,
                "kept_items": line.kept,
                "failed_items": line.failed,
                "not_reached_items": line.not_reached,
            }
            for line in facts.numbers
        ],
        "by_day": [
            {
                "day": line.day,
                "planned_items": line.planned,
                "planned_bytes": line.planned_bytes,
                "purged_items": line.purged,
                "purged_bytes": line.purged_bytes,
            }
            for line in facts.days
        ],
        "store": None
        if facts.store is None
        else {
            "proves_erasure": facts.store.proves,
            "probed_at": facts.store.probed_at,
            "not_proved": list(facts.store.missing),
        },
        "reasons": [{"number": line.number, "reason": line.reason, "items": line.items} for line in facts.reasons],
        "left_elsewhere": told(horizon_of(run)),
    }
    return json.dumps(written, indent=2, ensure_ascii=False, default=_plain) + "\n"


def _job(job: JobLine) -> dict[str, object]:
    return {
        "id": public_id("job", job.id or 0),
        "type": job.type,
        "what": job.what,
        "days": job.days,
        "queues": [queue.name for queue in job.queues],
    }


def _plain(value: object) -> str:
    """Write dates and moments as ISO 8601."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is None:
        raise TypeError(f"a report holds no {type(value).__name__}")
    return str(isoformat())
