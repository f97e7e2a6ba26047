"""A whole live run (plan, guards, deletion, book, verification) against one bare big DELETE of the same rows.

Three layouts. As they arrived: day by day, organizations and queues interleaved at random; half of one organization's
rows are due, and the others' rows in the same partitions must be passed by. Settled: the same days, then written anew
by the product, which is measured too, and half of a second organization's rows. Whole: days that are one organization's
alone, at least 100,000 rows each. Somebody else reads all the while.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import accumulate

import psycopg

from bench.measure import Urls, checkpoint, forget_peak, peak_mib, seconds
from bench.reader import Reader, Watched
from ebbtide.apps.orgs import services as orgs
from ebbtide.apps.orgs.database import acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.policies.services import create_job, onboard
from ebbtide.apps.runs import planning, services
from ebbtide.apps.runs.settling import Settled, settle_due
from ebbtide.domain.calendar import Days, local_day, parse_zone
from ebbtide.domain.identity import public_id
from ebbtide.domain.job import JobType, What
from ebbtide.engine.clock import SystemClock

QUEUES, ORGANIZATIONS, ZONE = 20, 10, "Europe/Berlin"
_WRITERS = 2
_CALM_S = 600
_IDLE_S = 10
CLOCK = SystemClock()


@dataclass(frozen=True)
class Layout:
    """How rows lie before a run.

    Attributes:
        name: in words.
        settled: whether the days are settled first.
        asked: ratio asked for.
    """

    name: str
    settled: bool
    asked: float


@dataclass(frozen=True)
class Load:
    """What is written, and the runs over it, each of another organization.

    Attributes:
        days: so many days, of which the older half is due.
        share: of all rows, of each organization that has a run; the others share the rest.
        layouts: one after the other.
        apart: rows of the last organization in each of two days of its own, for somebody to read who has no others.
    """

    days: int
    share: float
    layouts: tuple[Layout, ...]
    apart: int = 0


SHARED = Load(
    days=250,
    share=0.3,
    layouts=(Layout("as they arrived", settled=False, asked=0.3), Layout("settled", settled=True, asked=0.7)),
)


def whole(rows: int) -> Load:
    """Days of 100,000 rows or more, each of one organization alone."""
    layout = Layout("whole partitions", settled=True, asked=5)
    return Load(days=max(2, rows // 100_000), share=1, layouts=(layout,), apart=15_000)


_COLUMNS = "org_id, queue_id, day, id, source_key, channel, customer, agent, ended_at, talk_s, wait_s, outcome"
_ROWS = """
    SELECT o.org, o.first_queue + (random() * {queues} - 0.5)::int, d.day, gen_random_uuid(), 'bench-' || d.n,
        'voice', '+4930' || (random() * 1e7)::int, 'agent-' || (random() * 100)::int,
        d.day + interval '12 hours', (random() * 600)::int, (random() * 60)::int, 'answered'
    FROM (SELECT %(day)s::date AS day, n, width_bucket(random(), %(from)s::float[]) AS who
          FROM generate_series(1, %(count)s) n OFFSET 0) d
    JOIN unnest(%(orgs)s::int[], %(queues)s::int[]) WITH ORDINALITY AS o (org, first_queue, place) ON o.place = d.who
"""


def organizations() -> list[tuple[Organization, int]]:
    """Ten organizations, each with its queues; gives the first queue's number."""
    found = []
    for number in range(ORGANIZATIONS):
        org = onboard(f"Centre {number}", zone=ZONE, onboarded_on=CLOCK.now().date().replace(year=2021), actor="bench")
        with acting_in(org.id) as cursor:
            cursor.execute(
                "INSERT INTO catalog_queue (org_id, name) SELECT %s, 'Q' || n FROM generate_series(1, %s) n "
                "RETURNING id",
                [org.id, QUEUES],
            )
            found.append((org, min(row[0] for row in cursor.fetchall())))
    return found


def fill(urls: Urls, *, centres: list[tuple[Organization, int]], rows: int, load: Load) -> None:
    """Write the same rows twice: into the product's tables with their cells, and into a bare table.

    Written as superuser, past row-level security and triggers, because only the layout matters here; the cells are
    counted afterwards. Ingest has its own benchmark.
    """
    today = local_day(CLOCK.now(), zone=parse_zone(ZONE))
    days = [today - timedelta(days=age) for age in range(load.days + 2, 2, -1)]
    apart = [today - timedelta(days=age) for age in (2, 1)] if load.apart else []
    big = len(load.layouts)
    rest = (1 - load.share * big) / (len(centres) - big)
    starts = list(accumulate([load.share] * big + [rest] * (len(centres) - big), initial=0.0))[:-1]
    sql = _ROWS.format(queues=QUEUES - 1)
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("SELECT insights_ensure_days(%s::date[])", [[*days, *apart]])
        admin.execute("CREATE TABLE bare (LIKE insights_segment INCLUDING GENERATED, PRIMARY KEY (org_id, id))")

        def write(some: list[date], *, count: int, starts: list[float]) -> None:
            with psycopg.connect(urls.superuser, autocommit=True) as connection:
                connection.execute("SET session_replication_role = replica")
                for day in some:
                    connection.execute(
                        f"INSERT INTO insights_segment ({_COLUMNS}) {sql} ORDER BY random()",
                        {
                            "day": day,
                            "count": count,
                            "from": starts,
                            "orgs": [org.id for org, _ in centres],
                            "queues": [queue for _, queue in centres],
                        },
                    )
                    connection.execute(
                        f"INSERT INTO bare ({_COLUMNS}) SELECT {_COLUMNS} FROM insights_segment WHERE day = %s", [day]
                    )

        with ThreadPoolExecutor(_WRITERS) as pool:
            shares = [days[place::_WRITERS] for place in range(_WRITERS)]
            list(pool.map(partial(write, count=rows // load.days, starts=starts), shares))
        write(apart, count=load.apart, starts=[0.0] * len(centres))  # all of them the last one's
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO catalog_cell (org_id, queue_id, day, data_type, items, bytes) "
            "SELECT org_id, queue_id, day, 'insights', count(*), sum(bytes) FROM insights_segment GROUP BY 1, 2, 3"
        )
        admin.execute("ANALYZE bare")


def settle() -> str:
    """Settle all days, as a worker does."""
    done: list[Settled] = []
    took = seconds(lambda: done.extend(settle_due()))
    if {day.done for day in done} != {"settled"}:
        raise SystemExit(f"not every day was settled: {done}")
    longest = max(done, key=lambda day: day.items)
    return (
        f"settling {len(done)} days of up to {longest.items:,} rows: "
        f"{sum(day.items for day in done) / took:,.0f} rows/s (asked: 200,000)"
    )


def measure(urls: Urls, *, rows: int, load: Load) -> list[str]:
    """Write the rows once, run both ways once in each layout, and tell the figures."""
    centres = organizations()
    fill(urls, centres=centres, rows=rows, load=load)
    told: list[str] = []
    for (org, _), layout in zip(centres, load.layouts, strict=False):
        if layout.settled:
            told.append(settle())
        told += _run(urls, org=org, neighbour=centres[-1][0], period=load.days // 2 + 2, rows=rows, layout=layout)
    return told


def arm(org: Organization, *, period: int) -> None:
    """Let an organization keep its rows for so many days, and its runs delete."""
    create_job(org.id, type=JobType.GLOBAL, what=What.ALL, days=Days(period), queues=frozenset(), actor="bench")
    orgs.arm(org.id, reason="bench", actor="bench", now=CLOCK.now())


def run_live(org: int) -> int:
    """Make a plan, confirm it and carry it out; gives the items purged."""
    plan = public_id("plan", planning.make_plan(org, as_of=None, now=CLOCK.now()).id)
    planning.confirm_plan(org, plan_id=plan, actor="bench", now=CLOCK.now())
    today = local_day(CLOCK.now(), zone=parse_zone(ZONE))
    asked = services.Asked(trigger="manual", local_date=today, plan_id=plan)
    run = services.start_run(org, asked=asked, clock=CLOCK)
    if run.outcome != "completed":
        raise SystemExit(f"the run ended {run.outcome}: {run.reason}")
    return run.purged


def _run(
    urls: Urls, *, org: Organization, neighbour: Organization, period: int, rows: int, layout: Layout
) -> list[str]:
    arm(org, period=period)
    today = local_day(CLOCK.now(), zone=parse_zone(ZONE))
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        reader = Reader(urls, org=neighbour.id)
        others = _others(admin, org=org.id)
        admin.execute("SELECT count(*) FROM bare")  # both tables are as warm, then
        calm(urls)
        bare_rows = 0

        def big_delete() -> None:
            nonlocal bare_rows
            bare_rows = admin.execute(
                "DELETE FROM bare WHERE org_id = %s AND day < %s", [org.id, today - timedelta(days=period)]
            ).rowcount

        idle = reader.watched(lambda: time.sleep(_IDLE_S))
        bare, beside_bare = _watched(reader, big_delete)
        calm(urls)
        before = forget_peak()
        wal = admin.execute("SELECT pg_current_wal_lsn()").fetchone()
        purged = 0

        def whole_run() -> None:
            nonlocal purged
            purged = run_live(org.id)

        took, busy = _watched(reader, whole_run)
        peak = peak_mib()
        written = admin.execute("SELECT pg_current_wal_lsn() - %s::pg_lsn", wal).fetchone()
        if purged != bare_rows or _others(admin, org=org.id) != others:
            raise SystemExit(f"the run took {purged} rows, the yardstick {bare_rows}: no figure is worth anything")
    return [
        f"live run, {purged:,} of {rows:,} rows, {layout.name}: {purged / took:,.0f} rows/s",
        f"bare big DELETE of the same rows: {purged / bare:,.0f} rows/s",
        f"ratio {bare / took:.2f} (asked here: {layout.asked})",
        f"WAL of the run: {(written[0] if written else 0) / purged:,.0f} B/row",
        f"peak memory of the process: {peak:,.0f} MiB (asked: 300), {peak - before:,.0f} of it by the run",
        f"a neighbour's report beside the run: {_told(busy)}",
        f"the same beside the big DELETE: {_told(beside_bare)}",
        f"the same while nothing runs: {_told(idle)}",
        f"ratio of the p95 {busy.p95 / idle.p95:.2f} (asked: 1.25), the big DELETE's {beside_bare.p95 / idle.p95:.2f}",
    ]


def calm(urls: Urls) -> None:
    """Let what was done before be over: what cleans up behind a big DELETE slows down whoever reads beside the run."""
    with psycopg.connect(urls.superuser, autocommit=True) as admin:
        admin.execute("VACUUM (ANALYZE) bare, insights_segment")
        checkpoint(urls)
        for _ in range(_CALM_S):
            cleaning = "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' LIMIT 1"
            if admin.execute(cleaning).fetchone() is None:
                return
            time.sleep(1)
    raise SystemExit("autovacuum came to no end: no figure beside it is worth anything")


def _told(looks: Watched) -> str:
    return f"{looks.count} looks, median {looks.median:.1f} ms, p95 {looks.p95:.1f} ms, longest {looks.longest:.0f} ms"


def _watched(reader: Reader, work: Callable[[], None]) -> tuple[float, Watched]:
    """Do something while somebody looks at reports; gives its seconds and their looks."""
    took = 0.0

    def timed() -> None:
        nonlocal took
        took = seconds(work)

    watched = reader.watched(timed)
    return took, watched


def _others(admin: "psycopg.Connection[tuple[int, ...]]", *, org: int) -> int:
    row = admin.execute("SELECT count(*) FROM insights_segment WHERE org_id <> %s", [org]).fetchone()
    return row[0] if row else -1
