"""The book against plans, runs, flags and cells: was only that deleted which might be, and is it counted right?

Each question is one statement over one organization that gives its faults in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.runs.doctor.finding import NAMED, Opened, Question

CAPS_KNOWN_FOR = timedelta(days=7)
"""Caps have no history: only runs so young are held against today's."""

_CALL = "arm nothing further, switch deletion off (`ebbtide switch on`), and call the people who build Ebbtide"


@dataclass(frozen=True, slots=True)
class _Asked(Question):
    """A question with its statement: one text column, a row for each fault."""

    sql: str


_PLANNED = _Asked(
    "I4",
    "Every line of the book was named by its run's plan, by the same job.",
    _CALL,
    """
    SELECT 'run_' || e.run_id || ' booked que_' || e.queue_id || ' ' || e.day || ' ' || e.data_type || ' for job_'
        || e.job_id || ', which its plan does not name'
    FROM (SELECT DISTINCT run_id, queue_id, day, data_type, job_id FROM ledger_entry WHERE org_id = %(org)s) e
    LEFT JOIN runs_run r ON r.org_id = %(org)s AND r.id = e.run_id
    LEFT JOIN runs_planline l
        ON (l.org_id, l.plan_id, l.day, l.data_type) = (r.org_id, r.plan_id, e.day, e.data_type)
    WHERE l.jobs[array_position(l.queues, e.queue_id)] IS DISTINCT FROM e.job_id
    """,
)
_SIMULATED = _Asked(
    "I5",
    "Runs that were not live have no line in the book.",
    _CALL,
    """
    SELECT 'run_' || r.id || ' is ' || coalesce(r.outcome, 'going on') || ' and not live, yet has '
        || count(*) || ' lines in the book'
    FROM ledger_entry e JOIN runs_run r ON r.org_id = e.org_id AND r.id = e.run_id
    WHERE e.org_id = %(org)s AND r.mode IS DISTINCT FROM 'live' GROUP BY r.id, r.outcome
    """,
)
# Arming and run each bear the moment at which their transaction began; so an arming that the run waited for may look a
# moment younger than it, and counts where it came before the first deletion.
_ARMED = _Asked(
    "I6",
    "Every live run's organization was armed at the time.",
    _CALL,
    """
    SELECT 'run_' || r.id || ' was live on ' || r.local_date || ', and the organization was not armed then'
    FROM runs_run r
    WHERE r.org_id = %(org)s AND r.mode = 'live' AND NOT coalesce(
        (SELECT f.value FROM orgs_flagchange f
         WHERE f.org_id = r.org_id AND f.flag = 'armed' AND f.at <= r.started_at ORDER BY f.at DESC, f.id DESC LIMIT 1),
        false)
        AND NOT EXISTS (
            SELECT 1 FROM orgs_flagchange f
            WHERE f.org_id = r.org_id AND f.flag = 'armed' AND f.value AND f.at > r.started_at
                AND f.at <= coalesce((SELECT min(e.at) FROM ledger_entry e
                                      WHERE e.org_id = r.org_id AND e.run_id = r.id), r.ended_at, 'infinity'))
    """,
)
_ADDED_UP = _Asked(
    "I8",
    "The numbers of every run are the sums of its lines in the book.",
    _CALL,
    """
    SELECT 'run_' || r.id || ' says purged ' || r.purged || ' (' || r.purged_bytes || ' bytes), kept ' || r.kept
        || ', failed ' || r.failed || '; the book says ' || coalesce(b.purged, 0) || ' ('
        || coalesce(b.purged_bytes, 0) || ' bytes), ' || coalesce(b.kept, 0) || ', ' || coalesce(b.failed, 0)
    FROM runs_run r LEFT JOIN (
        SELECT e.run_id,
            coalesce(sum(e.items) FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0)::bigint AS purged,
            coalesce(sum(e.bytes) FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0)::bigint AS purged_bytes,
            coalesce(sum(e.items) FILTER (WHERE e.outcome = 'kept'), 0)::bigint AS kept,
            coalesce(sum(e.items) FILTER (WHERE e.outcome = 'failed'), 0)::bigint AS failed
        FROM ledger_entry e WHERE e.org_id = %(org)s GROUP BY e.run_id) b ON b.run_id = r.id
    WHERE r.org_id = %(org)s AND r.outcome IS NOT NULL
        AND (r.purged, r.purged_bytes, r.kept, r.failed) IS DISTINCT FROM
            (coalesce(b.purged, 0), coalesce(b.purged_bytes, 0), coalesce(b.kept, 0), coalesce(b.failed, 0))
    """,
)
_GONE = _Asked(
    "I11",
    "No cell that a completed run purged is still there.",
    "find out what writes into purged cells past the purged line; the next live run takes them again",
    """
    SELECT 'que_' || c.queue_id || ' ' || c.day || ' ' || c.data_type || ' was purged by run_' || max(e.run_id)
        || ' and holds ' || c.items
    FROM catalog_cell c
    JOIN ledger_entry e ON (e.org_id, e.queue_id, e.data_type, e.day) = (c.org_id, c.queue_id, c.data_type, c.day)
        AND e.outcome IN ('purged', 'already_gone')
    JOIN runs_run r ON r.org_id = e.org_id AND r.id = e.run_id AND r.outcome = 'completed'
    WHERE c.org_id = %(org)s GROUP BY c.queue_id, c.day, c.data_type, c.items
    """,
)
_CAPPED = _Asked(
    "I14",
    "Live runs of the last 7 days kept to their organization's caps, or a person had confirmed their plan.",
    "where the caps were tightened after the run, nothing is wrong; else " + _CALL,
    """
    SELECT 'run_' || r.id || ' took a plan of ' || p.items || ' of ' || p.population || ' items; '
        || coalesce(o.share_cap_percent || ' %%', 'any share') || ' and ' || coalesce(o.item_cap::text, 'any number')
        || ' are allowed'
    FROM runs_run r JOIN runs_plan p ON p.org_id = r.org_id AND p.id = r.plan_id
    JOIN orgs_organization o ON o.id = r.org_id
    WHERE r.org_id = %(org)s AND r.mode = 'live' AND r.frozen_at >= %(caps_since)s
        AND (p.items > o.item_cap
            OR (p.confirmed_at IS NULL AND p.items * 100 > o.share_cap_percent * p.population))
    """,
)
_OLD_ENOUGH = _Asked(
    "I15",
    "Nothing was purged before its job's days had passed.",
    _CALL,
    """
    SELECT 'run_' || e.run_id || ' purged que_' || e.queue_id || ' ' || e.day || ' ' || e.data_type || ' as of '
        || p.as_of || ', by a job of ' || d.days || ' days'
    FROM (SELECT DISTINCT run_id, queue_id, day, data_type FROM ledger_entry
          WHERE org_id = %(org)s AND outcome IN ('purged', 'already_gone')) e
    JOIN runs_run r ON r.org_id = %(org)s AND r.id = e.run_id
    JOIN runs_plan p ON p.org_id = r.org_id AND p.id = r.plan_id
    JOIN runs_planline l ON (l.org_id, l.plan_id, l.day, l.data_type) = (p.org_id, p.id, e.day, e.data_type)
    CROSS JOIN LATERAL (SELECT l.days[array_position(l.queues, e.queue_id)] AS days) d
    WHERE d.days IS NOT NULL AND NOT (d.days BETWEEN 1 AND 5000 AND p.as_of <= p.made_on AND e.day < p.as_of - d.days)
    """,
)

_ASKED = (_PLANNED, _SIMULATED, _ARMED, _ADDED_UP, _GONE, _CAPPED, _OLD_ENOUGH)
QUESTIONS: tuple[Question, ...] = _ASKED
"""What is asked here, in order."""


def examine(org: int, *, findings: Mapping[str, Opened], now: datetime) -> None:
    """Ask the book of one organization.

    Args:
        org: the organization's number.
        findings: where faults are told, by invariant.
        now: the present moment (UTC).
    """
    values: dict[str, int | datetime] = {"org": org, "caps_since": now - CAPS_KNOWN_FOR}
    with acting_in(org, using=SWEEP) as cursor:
        for asked in _ASKED:
            cursor.execute(
                f"SELECT said, count(*) OVER () FROM ({asked.sql}) AS faults (said) ORDER BY said LIMIT {NAMED}",  # noqa: S608 - the statements above
                values,
            )
            rows = cursor.fetchall()
            findings[asked.invariant].fault((f"org_{org}: {said}" for said, _ in rows), of=rows[0][1] if rows else 0)
