"""A night with nothing due, for many organizations, every other of them armed: each gets its plan and its run."""

from collections import Counter
from datetime import date

import psycopg

from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.orgs import services as orgs
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
        org = onboard(f"Quiet {number}", zone="Europe/Berlin", onboarded_on=date(2023, 1, 1), actor="bench")
        if number % 2:
            orgs.arm(org.id, reason="bench", actor="bench", now=CLOCK.now())
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
    outcomes = Counter(run.outcome for run in report.runs) if report is not None else Counter()
    if report is None or report.failures or outcomes != {"simulated": (count + 1) // 2, "completed": count // 2}:
        raise SystemExit("not every organization had its night: no figure is worth anything")
    again = seconds(lambda: run_nights(due_nights(CLOCK.now()), clock=CLOCK))
    return [
        f"a night of {len(report.runs):,} organizations with nothing due: {taken:.1f} s",
        f"that is {taken * 1000 / len(report.runs):.1f} ms for each (asked: 12, for 5,000 in 60 s)",
        f"asked again the same night: {again * 1000:.0f} ms in all",
    ]
