"""What a change of jobs costs, asked over 600,000 cells: the first time, and again while a slider moves."""

import statistics
from datetime import timedelta
from decimal import Decimal

import psycopg

from bench.measure import Urls, seconds
from ebbtide.apps.billing.cost_panel import cost_panel
from ebbtide.apps.billing.outlooks import basis_of
from ebbtide.apps.billing.services import set_card
from ebbtide.apps.billing.stock import forget_stocks
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.domain.billing import Price, RateCard, month_of
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.cell import DataType
from ebbtide.domain.job import Job, JobType, What
from ebbtide.engine.clock import SystemClock

CLOCK = SystemClock()
QUEUES, DAYS, TURNS = 300, 500, 7
CARD = RateCard(
    "USD",
    {kind: Price(Decimal("0.02"), None if kind is DataType.DESKTOP else Days(400)) for kind in DataType},
)


def measure(urls: Urls) -> list[str]:
    """Fill an organization and a neighbour, and ask."""
    now = CLOCK.now()
    since = now.date().replace(year=2021)
    orgs = [onboard(f"Centre {n}", zone="Europe/Berlin", onboarded_on=since, actor="b") for n in (1, 2)]
    today = local_day(now, zone=parse_zone("Europe/Berlin"))
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for org in orgs:
            admin.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Q ' || n FROM generate_series(1, %s) n",
                [org.id, QUEUES],
            )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT q.org_id, q.id, d::date, k, 10, (random() * 1e7)::bigint "
            "FROM generate_series(%s::date, %s::date, '1 day') d CROSS JOIN catalog_queue q "
            "CROSS JOIN unnest(ARRAY['insights', 'audio', 'transcript', 'desktop']) k ORDER BY d",
            [today - timedelta(days=DAYS), today - timedelta(days=1)],
        )
        queues = [row[0] for row in admin.execute("SELECT id FROM catalog_queue WHERE org_id = %s", [orgs[0].id])]
        admin.execute("ANALYZE")
    set_card(CARD, month=month_of(now.date()), actor="b", now=now)
    create_job(orgs[0].id, type=JobType.GLOBAL, what=What.ALL, days=Days(400), queues=frozenset(), actor="b")
    jobs = {
        "a Q job on the desktop recordings of half the Qs": Job(
            10**9, JobType.QUEUE, What.DESKTOP, Days(30), frozenset(queues[::2])
        ),
        "a Global job": Job(10**9, JobType.GLOBAL, What.ALL, Days(200)),
    }
    lines = []
    for name, job in jobs.items():
        first = []
        for _turn in range(TURNS):
            forget_stocks()
            first.append(seconds(lambda job=job: cost_panel(basis_of(orgs[0], now=now), job=job)))
        again = [seconds(lambda job=job: cost_panel(basis_of(orgs[0], now=now), job=job)) for _turn in range(TURNS)]
        lines.append(
            f"what-if over {QUEUES * DAYS * 4:,} cells, {name}: {statistics.median(first) * 1000:.0f} ms when the "
            f"cells are read, {statistics.median(again) * 1000:.0f} ms within five minutes after"
        )
    return lines
