"""A night with nothing due, for many organizations: each gets its plan and its run all the same."""

from datetime import date

import psycopg

from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.runs.nights import due_nights, run_nights
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
QUEUES, DAYS = 5, 30
_DATA = [
    """
    INSERT INTO catalog_queue (org_id, name)
    SELECT id, 'Q' || n FROM orgs_organization, generate_series(1, %(queues)s) n
    """,
    """
    INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes)
    SELECT q.org_id, q.id, current_date - age, kind, 100, 50000
    FROM catalog_queue q, generate_series(1, %(days)s) age, unnest(ARRAY['insights', 'audio']) kind
    """,
    "ANALYZE",
]


def measure(urls: Urls, *, count: int) -> list[str]:
    """Onboard that many organizations, with data that is kept, and run one night."""
    for number in range(count):
        onboard(f"Quiet {number}", zone="Europe/Berlin", onboarded_on=date(2023, 1, 1), actor="bench")
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in _DATA:
            admin.execute(statement, {"queues": QUEUES, "days": DAYS})
    checkpoint(urls)
    report = None

    def night() -> None:
        nonlocal report
        report = run_nights(due_nights(CLOCK.now()), clock=CLOCK)

    taken = seconds(night)
    if report is None or len(report.runs) < count or report.failures:
        raise SystemExit("not every organization had its night: no figure is worth anything")
    again = seconds(lambda: run_nights(due_nights(CLOCK.now()), clock=CLOCK))
    return [
        f"a night of {len(report.runs):,} organizations with nothing due: {taken:.1f} s",
        f"that is {taken * 1000 / len(report.runs):.1f} ms for each (asked: 12, for 5,000 in 60 s)",
        f"asked again the same night: {again * 1000:.0f} ms in all",
    ]
