"""Reports over 12 months, from sums and from rows: one organization with many segments beside others."""

import statistics
from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.http import QueryDict

from bench.measure import Urls, checkpoint, seconds
from ebbtide.apps.insights.hours import sum_up
from ebbtide.apps.orgs.database import acting_in, seeing_one_moment
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import onboard
from ebbtide.apps.reports.agents import agents_page, read_agents
from ebbtide.apps.reports.asked import ReportAsked, report_asked
from ebbtide.apps.reports.channels import channels_page, read_channels
from ebbtide.apps.reports.pages import insights_page
from ebbtide.apps.reports.reading import read_report
from ebbtide.apps.reports.tables import INTERVALS, QUEUES
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.engine.clock import SystemClock
from ebbtide.web.listing import Asked, asked_of

CLOCK = SystemClock()
QUEUES_EACH, AGENTS_EACH, DAYS, TURNS = 20, 12, 800, 5
ASKED_MS = 300


def fill(urls: Urls, *, rows: int, share: float) -> Organization:
    """Write one organization with its share of all rows, over 800 days, and nine with the rest; past triggers."""
    centres = [
        onboard(f"Centre {n}", zone="Europe/Berlin", onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench")
        for n in range(10)
    ]
    first = []
    for org in centres:
        with acting_in(org.id) as cursor:
            cursor.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Queue ' || n FROM generate_series(1, %s) n "
                "RETURNING id",
                [org.id, QUEUES_EACH],
            )
            first.append(min(row[0] for row in cursor.fetchall()))
    today = local_day(CLOCK.now(), zone=parse_zone("Europe/Berlin"))
    days = [today - timedelta(days=age) for age in range(DAYS, 0, -1)]
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SELECT insights_ensure_days(%s::date[])", [days])
        admin.execute("SET session_replication_role = replica")
        for day in days:
            admin.execute(
                """
                INSERT INTO insights_segment (org_id, queue_id, day, id, source_key, channel, agent, queued_at,
                    ended_at, wait_s, talk_s, hold_s, wrap_s, outcome)
                SELECT o.org, o.first_queue + (d.n %% %(queues)s), %(day)s, gen_random_uuid(), 'b-' || d.n,
                    CASE WHEN random() < 0.1 THEN 'chat' ELSE 'voice' END,
                    concat('agent ', d.n %% %(queues)s, '.', (random() * (%(agents)s - 1))::int),
                    %(day)s::date + d.at, %(day)s::date + d.at, (random() * 300)::int, (random() * 600)::int,
                    (random() * 60)::int, 30, CASE WHEN random() < 0.1 THEN 'abandoned' ELSE 'answered' END
                FROM (SELECT n, interval '6 hours' + random() * interval '14 hours' AS at,
                        CASE WHEN random() < %(share)s THEN 1 ELSE 2 + (random() * 8.98 - 0.49)::int END AS who
                      FROM generate_series(1, %(count)s) n OFFSET 0) d
                JOIN unnest(%(orgs)s::int[], %(first)s::int[]) WITH ORDINALITY AS o (org, first_queue, place)
                    ON o.place = d.who
                ORDER BY 1, 2
                """,
                {
                    "day": day,
                    "count": rows // DAYS,
                    "share": share,
                    "queues": QUEUES_EACH,
                    "agents": AGENTS_EACH,
                    "orgs": [org.id for org in centres],
                    "first": first,
                },
            )
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, 'insights', count(*), sum(bytes) FROM insights_segment GROUP BY 1, 2, 3"
        )
        admin.execute("VACUUM ANALYZE")
    checkpoint(urls)
    return centres[0]


def measure(urls: Urls, *, rows: int, share: float) -> list[str]:
    """Time the reports with everything their pages show, compared with the period before."""
    org = fill(urls, rows=rows, share=share)

    def asked(query: QueryDict) -> ReportAsked:
        return report_asked(query, today=local_day(CLOCK.now(), zone=parse_zone(org.zone)), known=())

    def summary(text: str) -> None:
        query = QueryDict(text)
        with seeing_one_moment(org.id):
            insights_page(
                org,
                report=read_report(org, asked=asked(query), now=CLOCK.now()),
                queues=asked_of(query, table=QUEUES),
                intervals=asked_of(query, table=INTERVALS),
                can_set=False,
            )

    def agents(text: str) -> None:
        query = QueryDict(text)
        with seeing_one_moment(org.id):
            report = read_agents(org, asked=asked(query), agent=None, now=CLOCK.now())
            agents_page(org, report=report, agents=Asked(), intervals=Asked())

    def channels(text: str) -> None:
        query = QueryDict(text)
        with seeing_one_moment(org.id):
            report = read_channels(org, asked=asked(query), now=CLOCK.now())
            channels_page(org, report=report, channels=Asked(), intervals=Asked())

    ways = {"Qs": summary, "agents": agents, "channels": channels}
    from_rows = {name: seconds(lambda way=way: way("range=year")) for name, way in ways.items()}  # type: ignore[misc]
    taken = seconds(lambda: sum_up(org, now=CLOCK.now(), stop=lambda: False))
    lines = [f"{_own(urls, org=org):,} segments of one organization among {rows:,}, {QUEUES_EACH} Qs, {DAYS} days"]
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE insights_hour, insights_agent")
        for table in ("insights_hour", "insights_agent"):
            held = admin.execute(f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}").fetchone()
            if held is None or not held[0]:
                raise SystemExit(f"{table} is empty: no figure is worth anything")
            lines.append(f"{table}: {held[0]:,} sums of {held[1] / 2**20:.0f} MiB")
    lines.append(f"made in {taken:.1f} s ({_own(urls, org=org) / taken:,.0f} segments/s)")
    for name, way in ways.items():
        limit = f" (asked: {ASKED_MS})" if name == "Qs" else ""
        year = _median(lambda way=way: way("range=year"))  # type: ignore[misc]
        lines.append(f"{name}, 12 months with the year before: {year:.0f} ms{limit}; from rows {from_rows[name]:.1f} s")
        for query in ("range=30", "range=custom&since={0}&until={0}&by=hour", "range=30&by=hour"):
            text = query.format(local_day(CLOCK.now(), zone=parse_zone(org.zone)) - timedelta(days=3))
            lines.append(f"{name}, {text}: {_median(lambda way=way, text=text: way(text)):.0f} ms")  # type: ignore[misc]
    return lines


def _own(urls: Urls, *, org: Organization) -> int:
    with psycopg.connect(urls.superuser) as admin:
        row = admin.execute("SELECT count(*) FROM insights_segment WHERE org_id = %s", [org.id]).fetchone()
    return int(row[0]) if row else 0


def _median(work: Callable[[], object]) -> float:
    return statistics.median(seconds(work) * 1000 for _turn in range(TURNS))
