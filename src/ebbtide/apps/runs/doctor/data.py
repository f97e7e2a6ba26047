"""Data against counts, lines and plans: is everything there that should be, and nothing that should not?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from django.db.backends.utils import CursorWrapper

from ebbtide.apps.orgs.database import SWEEP, acting_in
from ebbtide.apps.orgs.models import Organization
from ebbtide.apps.runs.doctor.finding import NAMED, Opened, Question
from ebbtide.apps.runs.models import Plan
from ebbtide.apps.runs.planning import check_hash
from ebbtide.apps.runs.reconcile import CELL_DRIFTS, reaches_of, reconcile
from ebbtide.domain.calendar import local_day, parse_zone
from ebbtide.domain.errors import Broken
from ebbtide.domain.identity import public_id

_EXPIRED = Question(
    "I2",
    "Everything that the newest completed live run had to take is gone.",
    "look at the run (`ebbtide run show`), then start one; if it is left again, call the people who build Ebbtide",
)
_AGREE = Question(
    "I3",
    "Rows and objects agree: no row without object, no object without row, nothing left of broken uploads and runs.",
    "run `ebbtide reconcile`, and for what it only reports do as each line says",
)
_BELOW = Question(
    "I7",
    "Nothing is there below its purged line, but what a live run had to leave.",
    "it slipped past the purged line, or came while a run was going on: start a run, which takes it; if it comes back, "
    "find out what writes there",
)
_COUNTED = Question("I13", "Cells count the rows and objects that are there.", "run `ebbtide reconcile`")
_HASHED = Question(
    "PLAN",
    "The newest plan of every organization, and that of its newest live run, fit their hashes.",
    "make a new plan, and find out who can write to the database past the product's roles",
)
_SUMMED = Question(
    "SUMS",
    "The sums that reports read are those of the rows they were made from.",
    "reports pass by what does not count as many segments as its cell, and `ebbtide summarize` mends it; where the "
    "count fits and the figures do not, find out who can write to the database past the product's roles",
)
_TALLIED = Question(
    "DAYS",
    "The tally by day that pages read adds up to the cells.",
    "the worker counts it anew when it next meters the organization; find out who can write to the database past the "
    "product's roles",
)
_SAID = Question(
    "WORD",
    "The words that can be searched for are those of transcripts that are there.",
    "run `ebbtide index-words --org` for each organization named, which takes them out and indexes what is there; "
    "find out who can write to the database past the product's roles",
)
QUESTIONS = (_EXPIRED, _AGREE, _BELOW, _COUNTED, _HASHED, _SUMMED, _TALLIED, _SAID)
"""What is asked here, in order."""

# `before - day - 1`: nights since the one in which it became due
_OLDEST = """
    SELECT min(c.day), sum(c.items)::bigint, max(d.before - c.day - 1)
    FROM unnest(%(queues)s::int[], %(kinds)s::text[], %(befores)s::date[]) AS d (queue_id, kind, before)
    JOIN catalog_cell c ON c.org_id = %(org)s AND c.data_type = d.kind AND c.queue_id = d.queue_id AND c.day < d.before
"""
_LEFT = f"""
    SELECT 'que_' || c.queue_id || ' ' || c.day || ' ' || c.data_type || ' was due in run_' || r.id
        || ', which says completed, and holds ' || c.items, count(*) OVER ()
    FROM (SELECT org_id, id, plan_id FROM runs_run
          WHERE org_id = %(org)s AND mode = 'live' AND outcome = 'completed' ORDER BY id DESC LIMIT 1) r
    JOIN runs_planline l ON l.org_id = r.org_id AND l.plan_id = r.plan_id
    JOIN catalog_cell c
        ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type) AND c.queue_id = ANY (l.queues)
    ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - a number of ours
# What a live run named and could not take stays below the line, and is no fault: no more of it than the newest live run
# that named it has left.
_BELOW_LINE = f"""
    WITH line AS (
        SELECT queue_id, data_type, before FROM catalog_purgedline WHERE org_id = %(org)s
    ), there AS (
        SELECT c.queue_id, c.day, c.data_type, c.items FROM catalog_cell c WHERE c.org_id = %(org)s
        UNION ALL
        SELECT s.queue_id, s.day, 'insights', count(*) FROM insights_segment s
        JOIN line l ON l.queue_id = s.queue_id AND l.data_type = 'insights' AND s.day < l.before
        WHERE s.org_id = %(org)s GROUP BY s.queue_id, s.day
        UNION ALL
        SELECT m.queue_id, m.day, m.kind, count(*) FROM media_mediaobject m
        JOIN line l ON l.queue_id = m.queue_id AND l.data_type = m.kind AND m.day < l.before
        WHERE m.org_id = %(org)s GROUP BY m.queue_id, m.day, m.kind
    ), below AS (
        SELECT t.queue_id, t.day, t.data_type, max(t.items) AS items, l.before
        FROM there t JOIN line l USING (queue_id, data_type) WHERE t.day < l.before GROUP BY 1, 2, 3, 5
    )
    SELECT 'que_' || b.queue_id || ' ' || b.day || ' ' || b.data_type || ' holds ' || b.items
        || ' and is purged up to ' || b.before, count(*) OVER ()
    FROM below b LEFT JOIN LATERAL (
        SELECT p.items[array_position(p.queues, b.queue_id)] - coalesce((
            SELECT sum(e.items) FROM ledger_entry e
            WHERE e.org_id = r.org_id AND e.run_id = r.id AND e.outcome IN ('purged', 'already_gone')
                AND (e.queue_id, e.data_type, e.day) = (b.queue_id, b.data_type, b.day)), 0) AS items
        FROM runs_run r JOIN runs_planline p
            ON (p.org_id, p.plan_id, p.day, p.data_type) = (r.org_id, r.plan_id, b.day, b.data_type)
                AND b.queue_id = ANY (p.queues)
        WHERE r.org_id = %(org)s AND r.mode = 'live' ORDER BY r.id DESC LIMIT 1) remainder ON true
    WHERE b.items > coalesce(remainder.items, 0)
    ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - a number of ours
_SUMS_APART = f"""
    WITH summed AS (
        SELECT h.day, h.queue_id, sum(h.items) AS items FROM insights_hour h WHERE h.org_id = %(org)s GROUP BY 1, 2
        UNION
        SELECT d.day, d.queue_id, sum(d.items) FROM insights_day d WHERE d.org_id = %(org)s GROUP BY 1, 2
        UNION
        SELECT g.day, g.queue_id, sum(g.items) FROM insights_agent g WHERE g.org_id = %(org)s GROUP BY 1, 2
    ), daily AS (
        SELECT * FROM insights_days_of(%(days)s::date[], %(queues)s::int[], %(zone)s) d
        WHERE EXISTS ( -- after an upgrade these come last
            SELECT 1 FROM insights_day k WHERE (k.org_id, k.day, k.queue_id) = (%(org)s, d.day, d.queue_id))
    ), by_day AS (
        SELECT d.* FROM insights_day d JOIN unnest(%(days)s::date[], %(queues)s::int[]) AS looked (day, queue_id)
            ON looked.day = d.day AND looked.queue_id = d.queue_id
        WHERE d.org_id = %(org)s
    ), worked AS (
        SELECT * FROM insights_agents_of(%(days)s::date[], %(queues)s::int[], %(zone)s, %(pepper)s) w
        WHERE EXISTS ( -- after an upgrade those of agents come last
            SELECT 1 FROM insights_agent g WHERE (g.org_id, g.day, g.queue_id) = (%(org)s, w.day, w.queue_id))
    ), told AS (
        SELECT g.* FROM insights_agent g JOIN unnest(%(days)s::date[], %(queues)s::int[]) AS looked (day, queue_id)
            ON looked.day = g.day AND looked.queue_id = g.queue_id
        WHERE g.org_id = %(org)s
    ), made AS (
        SELECT * FROM insights_hours_of(%(days)s::date[], %(queues)s::int[], %(zone)s)
    ), there AS (
        SELECT h.* FROM insights_hour h JOIN unnest(%(days)s::date[], %(queues)s::int[]) AS looked (day, queue_id)
            ON looked.day = h.day AND looked.queue_id = h.queue_id
        WHERE h.org_id = %(org)s
    ), faulty AS (
        SELECT s.day, s.queue_id, 'counts ' || s.items || ', its cell ' || coalesce(c.items, 0) AS said
        FROM summed s LEFT JOIN catalog_cell c ON c.org_id = %(org)s AND c.data_type = 'insights'
            AND c.day = s.day AND c.queue_id = s.queue_id
        WHERE c.items IS DISTINCT FROM s.items
        UNION ALL
        SELECT coalesce(m.day, t.day), coalesce(m.queue_id, t.queue_id), 'is not what its rows come to'
        FROM made m FULL JOIN there t ON (m.day, m.queue_id, m.hour, m.channel) = (t.day, t.queue_id, t.hour, t.channel)
        WHERE m IS DISTINCT FROM t GROUP BY 1, 2
        UNION ALL
        SELECT coalesce(m.day, t.day), coalesce(m.queue_id, t.queue_id), 'of days is not what its rows come to'
        FROM daily m FULL JOIN by_day t ON (m.day, m.queue_id, m.channel) = (t.day, t.queue_id, t.channel)
        WHERE m IS DISTINCT FROM t GROUP BY 1, 2
        UNION ALL
        SELECT coalesce(w.day, t.day), coalesce(w.queue_id, t.queue_id), 'of agents is not what its rows come to'
        FROM worked w FULL JOIN told t
            ON (w.day, w.queue_id, w.channel) = (t.day, t.queue_id, t.channel)
                AND coalesce(w.agent, w.sample) = coalesce(t.agent, t.sample)
        WHERE w IS DISTINCT FROM t GROUP BY 1, 2
    )
    SELECT 'que_' || f.queue_id || ' ' || f.day || ': the sum ' || string_agg(f.said, ', and ' ORDER BY f.said),
        count(*) OVER ()
    FROM faulty f GROUP BY f.queue_id, f.day ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - a number of ours
_TALLY_APART = f"""
    WITH tally AS (
        SELECT t.data_type, t.day, sum(t.items) AS items, sum(t.bytes) AS bytes FROM catalog_tally t
        WHERE t.org_id = %(org)s GROUP BY 1, 2
    ), cells AS (
        SELECT c.data_type, c.day, sum(c.items) AS items, sum(c.bytes) AS bytes FROM catalog_cell c
        WHERE c.org_id = %(org)s GROUP BY 1, 2
    )
    SELECT concat(day, ' ', data_type, ': the tally says ', coalesce(t.items, 0), ' items of ', coalesce(t.bytes, 0),
        ' bytes, the cells ', coalesce(c.items, 0), ' of ', coalesce(c.bytes, 0)), count(*) OVER ()
    FROM tally t FULL JOIN cells c USING (data_type, day)
    WHERE (coalesce(t.items, 0), coalesce(t.bytes, 0)) <> (coalesce(c.items, 0), coalesce(c.bytes, 0))
    ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - a number of ours
_LOOKED_AT = 200
"""Cells whose sums are held against the rows: drawn at random, so that in time every one is."""
_SETS_LOOKED_AT = 50
"""Sets of words whose transcripts are looked for, of up to 1,000 each: drawn as above."""
# Counts by the sets' key alone; from one set to the next by the key of the words, which are many.
_WORDS_APART = f"""
    WITH RECURSIVE counted AS (
        SELECT s.day, s.queue_id, sum(s.items) AS items FROM media_wordset s WHERE s.org_id = %(org)s GROUP BY 1, 2
    ), worded AS (
        (SELECT w.day, w.set_id AS id FROM media_words w WHERE w.org_id = %(org)s ORDER BY w.day, w.set_id LIMIT 1)
        UNION ALL
        SELECT w.day, w.set_id FROM worded n CROSS JOIN LATERAL (
            SELECT w.day, w.set_id FROM media_words w WHERE w.org_id = %(org)s AND (w.day, w.set_id) > (n.day, n.id)
            ORDER BY w.day, w.set_id LIMIT 1) w
    ), drawn AS (
        SELECT s.* FROM media_wordset s WHERE s.org_id = %(org)s AND (s.day, s.queue_id, s.id) IN (
            SELECT k.day, k.queue_id, k.id FROM media_wordset k WHERE k.org_id = %(org)s
            ORDER BY random() LIMIT {_SETS_LOOKED_AT})
    ), faulty AS (
        SELECT concat('que_', n.queue_id, ' ', n.day, ': words of ', n.items, ' transcripts, its cell counts ',
            coalesce(c.items, 0)) AS said
        FROM counted n LEFT JOIN catalog_cell c
            ON (c.org_id, c.day, c.data_type, c.queue_id) = (%(org)s, n.day, 'transcript', n.queue_id)
        WHERE n.items > coalesce(c.items, 0)
        UNION ALL
        SELECT concat(n.day, ': words of set ', n.id, ', which is not there') FROM worded n
        WHERE (n.day, n.id) NOT IN (SELECT s.day, s.id FROM media_wordset s WHERE s.org_id = %(org)s)
        UNION ALL
        SELECT concat('que_', d.queue_id, ' ', d.day, ': words of ', count(*), ' transcripts that are not of this cell')
        FROM drawn d CROSS JOIN LATERAL unnest(d.objects, d.segments) AS n (object, segment)
        WHERE NOT EXISTS (
            SELECT 1 FROM media_mediaobject m WHERE m.id = n.object AND (m.org_id, m.kind, m.day, m.queue_id,
                m.segment_id) = (d.org_id, 'transcript', d.day, d.queue_id, n.segment))
        GROUP BY d.queue_id, d.day
    )
    SELECT f.said, count(*) OVER () FROM faulty f ORDER BY 1 LIMIT {NAMED}
"""  # noqa: S608 - numbers of ours
_FAULTS = " UNION ALL ".join(
    f"(SELECT '{invariant}', told.* FROM ({sql}) AS told)"  # noqa: S608 - statements written above
    for invariant, sql in (("I2", _LEFT), ("I7", _BELOW_LINE), ("DAYS", _TALLY_APART), ("WORD", _WORDS_APART))
)
"""Faults by invariant, each with how many of its kind there are; in one statement, as each is short."""
_CHECKED_PLANS = """
    (SELECT id FROM runs_plan WHERE org_id = %(org)s ORDER BY id DESC LIMIT 1)
    UNION (SELECT plan_id FROM runs_run WHERE org_id = %(org)s AND mode = 'live' ORDER BY id DESC LIMIT 1)
"""


def examine(org: int, *, findings: Mapping[str, Opened], now: datetime) -> None:
    """Look at what one organization holds.

    Args:
        org: the organization's number.
        findings: where faults are told, by invariant.
        now: the present moment (UTC).
    """
    with acting_in(org, using=SWEEP) as cursor:
        row = Organization.objects.using(SWEEP).get(id=org)
        _note_oldest(cursor, org=row, expired=findings["I2"], now=now)
        cursor.execute(_FAULTS, {"org": org})
        for invariant, faults in groupby(cursor.fetchall(), key=itemgetter(0)):
            told: Sequence[tuple[str, str, int]] = list(faults)
            findings[invariant].fault((f"{public_id('org', org)}: {said}" for _, said, _ in told), of=told[0][2])
        _check_sums(cursor, org=row, summed=findings["SUMS"])
        cursor.execute(_CHECKED_PLANS, {"org": org})
        for (plan_id,) in cursor.fetchall():
            _check_plan(Plan.objects.using(SWEEP).get(org_id=org, id=plan_id), hashed=findings["PLAN"])


def _note_oldest(cursor: CursorWrapper, *, org: Organization, expired: Opened, now: datetime) -> None:
    """Tell the age of the oldest expired item: the number by which a night that does not work is seen."""
    reached = reaches_of(org, on=local_day(now, zone=parse_zone(org.zone)))
    cursor.execute(
        _OLDEST,
        {
            "org": org.id,
            "queues": [reach.queue for reach in reached],
            "kinds": [str(reach.data_type) for reach in reached],
            "befores": [reach.before for reach in reached],
        },
    )
    oldest, items, nights = cursor.fetchone()
    if oldest is None:
        return
    told = f"{public_id('org', org.id)}: {items:,} items are due, the oldest of {oldest}, since {nights} nights"
    if not org.armed:
        expired.note(f"{told}; nothing is deleted until it is armed.")
    elif nights > 0:
        expired.note(f"WARNING {told}, although it is armed: see `ebbtide run list {public_id('org', org.id)}`.")
    else:
        expired.note(f"{told}; tonight's run takes them.")


def _check_sums(cursor: CursorWrapper, *, org: Organization, summed: Opened) -> None:
    """Hold the counts of all sums against the cells, and the figures of some against their rows."""
    cursor.execute(
        "SELECT day, queue_id FROM (SELECT DISTINCT day, queue_id FROM insights_hour WHERE org_id = %s) AS summed "
        "ORDER BY random() LIMIT %s",
        [org.id, _LOOKED_AT],
    )
    places: Sequence[tuple[date, int]] = cursor.fetchall()
    cursor.execute(
        _SUMS_APART,
        {
            "org": org.id,
            "zone": org.zone,
            "pepper": bytes(org.pepper),
            "days": [day for day, _ in places],
            "queues": [queue for _, queue in places],
        },
    )
    faults: Sequence[tuple[str, int]] = cursor.fetchall()
    summed.fault((f"{public_id('org', org.id)}: {said}" for said, _ in faults), of=faults[0][1] if faults else 0)


def _check_plan(plan: Plan, *, hashed: Opened) -> None:
    try:
        check_hash(plan, using=SWEEP)
    except Broken as exc:
        hashed.fault([f"{public_id('org', plan.org_id)}: {exc.message}"], of=1)
    except ValueError:  # arrays of unequal length, an unknown data type: no plan of ours
        hashed.fault([f"{public_id('org', plan.org_id)}: {public_id('plan', plan.id)} cannot be read."], of=1)


def compare(*, findings: Mapping[str, Opened], now: datetime) -> None:
    """Hold counts against rows, and rows against objects, of every organization.

    Args:
        findings: where faults are told, by invariant.
        now: the present moment (UTC).

    Raises:
        StoreUnreachable: the store does not answer.
    """
    for drift in reconcile(None, mend=False, now=now).drifts:
        where = f"{public_id('org', drift.org)}: {drift.what}, {drift.where}: {drift.counted:,} counted, "
        if drift.what in CELL_DRIFTS:
            findings["I13"].fault([f"{where}{drift.there:,} there"], of=1)
        else:
            findings["I3"].fault([f"{where}{drift.there:,} there; {drift.done}"], of=1)
