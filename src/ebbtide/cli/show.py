"""How things look on the command line: one JSON form for each, built here and nowhere else."""

from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.models import RetentionJob
from ebbtide.apps.runs.models import Plan, Run
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import Job, JobType, What

_UNIT = 1024


def size(count: int) -> str:
    """Write bytes in binary units."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < _UNIT:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _UNIT
    return f"{value:.1f} TiB"


def organization(org: Organization) -> dict[str, object]:
    """Give an organization's JSON form."""
    return {
        "id": public_id("org", org.id),
        "name": org.name,
        "zone": org.zone,
        "onboarded_on": org.onboarded_on,
        "night_at": f"{org.night_at:%H:%M}",
        "armed": org.armed,
        "armed_at": org.armed_at,
        "stopped": org.stopped,
    }


def job(row: RetentionJob, *, idle_because: tuple[Job, ...]) -> dict[str, object]:
    """Give a job's JSON form; `row.named` is prefetched with its queues."""
    return {
        "id": public_id("job", row.id),
        "type": row.type,
        "what": row.what,
        "days": row.days,
        "queues": sorted(named.queue.name for named in row.named.all()),
        "paused": row.paused_at is not None,
        "ineffective_because": [public_id("job", other.id) for other in idle_because],
    }


def sentence(row: RetentionJob) -> str:
    """Say in plain words what a job does."""
    what = "desktop recordings" if row.what == What.DESKTOP else "all four data types"
    if row.type == JobType.GLOBAL:
        where = "the whole organization"
    else:
        where = ", ".join(sorted(named.queue.name for named in row.named.all()))
    paused = " (paused)" if row.paused_at is not None else ""
    return f"deletes {what} of {where} older than {row.days} days{paused}"


def plan(row: Plan) -> dict[str, object]:
    """Give a plan's JSON form, without its cells."""
    return {
        "id": public_id("plan", row.id),
        "org": public_id("org", row.org_id),
        "as_of": row.as_of,
        "made_at": row.made_at,
        "armed": row.armed,
        "items": row.items,
        "bytes": row.bytes,
        "cell_count": row.cells,
        "oldest": row.oldest,
        "newest": row.newest,
        "population": row.population,
        "sha256": bytes(row.sha256).hex(),
        "confirmed_at": row.confirmed_at,
        "confirmed_by": row.confirmed_by or None,
    }


def run(row: Run) -> dict[str, object]:
    """Give a run's JSON form, without its numbers by queue."""
    return {
        "id": public_id("run", row.id),
        "org": public_id("org", row.org_id),
        "plan": public_id("plan", row.plan_id),
        "trigger": row.trigger,
        "local_date": row.local_date,
        "mode": row.mode,
        "outcome": row.outcome,
        "reason": row.reason or None,
        "purged": row.purged,
        "purged_bytes": row.purged_bytes,
        "kept": row.kept,
        "failed": row.failed,
        "not_reached": row.not_reached,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }
