-- DANGER: the one place where an object goes that no plan names. "Not in my list" is never the reason. It goes where all of this is
-- so: its key is of our own form; the book says that exactly its cell (organization, Q, day, type) was purged, and the purged line has
-- passed it; no row and no upload under way knows it; it was first seen at least 24 hours ago, has been seen by at least two
-- reconciliations, and by the one that asks. And deletion has to be armed, and no kill switch on, as for everything else.

SELECT ebbtide_protect('runs_orphan');

-- The cell that a key of our form belongs to; NULLs where it is of another form, or of another organization.
CREATE FUNCTION runs_cell_of(key text, OUT queue integer, OUT day date, OUT kind text)
    LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    parts text[] := regexp_match(key,
        '^org_([0-9]{1,9})/que_([0-9]{1,9})/([0-9]{4}-[0-9]{2}-[0-9]{2})/(audio|transcript|desktop)/[0-9a-f]{32}$');
BEGIN
    IF parts[1]::integer = ebbtide_org() THEN
        day := parts[3]::date; -- no such day: not of our form
        queue := parts[2];
        kind := parts[4];
    END IF;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    day := NULL;
END $$;

-- What becomes of an orphan, by rule:
--   missing      a row without its object: the run that takes its day books it as already gone
--   foreign      a key of another form: never deleted
--   unexplained  a key of ours whose cell was not purged: never deleted
--   waits        a key of ours whose cell was purged, and not seen for long enough yet
--   goes         the same, after 24 hours and two sightings
CREATE FUNCTION runs_orphan_fate(o runs_orphan, seen_at timestamptz) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN o.what = 'row' THEN 'missing'
        WHEN c.queue IS NULL OR c.day IS NULL THEN 'foreign'
        WHEN NOT EXISTS (
                SELECT 1 FROM ledger_entry e
                WHERE (e.org_id, e.queue_id, e.data_type, e.day) = (o.org_id, c.queue, c.kind, c.day)
                    AND e.outcome IN ('purged', 'already_gone'))
            OR NOT EXISTS (
                SELECT 1 FROM catalog_purgedline l
                WHERE (l.org_id, l.queue_id, l.data_type) = (o.org_id, c.queue, c.kind) AND c.day < l.before)
            OR EXISTS (SELECT 1 FROM media_mediaobject m WHERE m.org_id = o.org_id AND m.key = o.key)
            OR EXISTS (SELECT 1 FROM media_upload u WHERE u.org_id = o.org_id AND u.key = o.key)
            THEN 'unexplained'
        WHEN o.sightings < 2 OR o.first_seen_at > seen_at - interval '24 hours' THEN 'waits'
        ELSE 'goes' END
    FROM runs_cell_of(o.key) c
$$;

-- Remember what a reconciliation has seen.
CREATE FUNCTION runs_remember_orphans(whats text[], keys text[], seen_at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO runs_orphan AS o (org_id, what, key, first_seen_at, last_seen_at, sightings, fate, left_reason)
    SELECT DISTINCT ebbtide_org(), t.what, t.key, seen_at, seen_at, 1, 'waits', ''
    FROM unnest(whats, keys) AS t (what, key)
    ON CONFLICT (org_id, what, key) DO UPDATE
        SET last_seen_at = seen_at, sightings = o.sightings + (o.last_seen_at < seen_at)::integer
        WHERE o.last_seen_at <= seen_at
$$;

-- Let go of what was not seen any more, and say what becomes of the rest. What was decided on stays until it is closed.
CREATE FUNCTION runs_judge_orphans(seen_at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM runs_orphan o WHERE o.org_id = ebbtide_org() AND o.last_seen_at < seen_at AND o.claimed_at IS NULL;
    UPDATE runs_orphan o SET fate = runs_orphan_fate(o, seen_at)
    WHERE o.org_id = ebbtide_org() AND o.fate IS DISTINCT FROM runs_orphan_fate(o, seen_at);
$$;

-- May objects without a row be destroyed, now? Goes into the turnstile as runs_may_delete does.
-- Errors: EB001 switch, EB004 not armed.
CREATE FUNCTION runs_may_resolve() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    org orgs_organization;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7101, 0), pg_advisory_xact_lock_shared(7101, ebbtide_org());
    PERFORM 1 FROM runs_platform WHERE NOT stopped;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the platform''s kill switch is on' USING ERRCODE = 'EB001';
    END IF;
    SELECT * INTO org FROM orgs_organization WHERE id = ebbtide_org();
    IF org.stopped THEN
        RAISE EXCEPTION 'the organization''s kill switch is on' USING ERRCODE = 'EB001';
    END IF;
    IF org.armed IS NOT TRUE THEN
        RAISE EXCEPTION 'deletion is not armed for this organization' USING ERRCODE = 'EB004';
    END IF;
END $$;

-- Decide on up to `most` objects without a row, judged anew, and write that down: the intent. Those that this reconciliation has
-- tried come no more.
CREATE FUNCTION runs_claim_orphans(seen_at timestamptz, most integer) RETURNS TABLE (id bigint, key text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    PERFORM runs_may_resolve();
    RETURN QUERY
    WITH due AS (
        SELECT o.id FROM runs_orphan o
        WHERE o.org_id = ebbtide_org() AND o.what = 'object' AND o.last_seen_at = seen_at
            AND o.claimed_at IS DISTINCT FROM seen_at AND runs_orphan_fate(o, seen_at) = 'goes'
        ORDER BY o.key LIMIT most FOR UPDATE
    )
    UPDATE runs_orphan o SET claimed_at = seen_at, left_reason = '' FROM due
    WHERE o.org_id = ebbtide_org() AND o.id = due.id RETURNING o.id, o.key;
END $$;

-- Write down what became of them: those that are gone go into the book, the others stay listed with the reason. Needs no
-- permission any more: the deed is done.
CREATE FUNCTION runs_close_orphans(ids bigint[], reasons text[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE runs_orphan o SET left_reason = t.reason
    FROM unnest(ids, reasons) AS t (id, reason)
    WHERE o.org_id = ebbtide_org() AND o.id = t.id AND o.claimed_at IS NOT NULL AND t.reason <> '';
    WITH gone AS (
        DELETE FROM runs_orphan o USING unnest(ids, reasons) AS t (id, reason)
        WHERE o.org_id = ebbtide_org() AND o.id = t.id AND o.claimed_at IS NOT NULL AND o.what = 'object' AND t.reason = ''
        RETURNING o.org_id, o.key, o.first_seen_at
    ), summed AS (
        SELECT g.org_id, c.queue, c.day, c.kind, count(*) AS items, min(g.first_seen_at) AS first_seen_at
        FROM gone g CROSS JOIN LATERAL runs_cell_of(g.key) c GROUP BY 1, 2, 3, 4
    ), entry AS (
        INSERT INTO ledger_strayentry (org_id, run_id, queue_id, day, data_type, items, first_seen_at)
        SELECT s.org_id, e.run_id, s.queue, s.day, s.kind, s.items, s.first_seen_at FROM summed s
        CROSS JOIN LATERAL (
            SELECT max(e.run_id) AS run_id FROM ledger_entry e
            WHERE (e.org_id, e.queue_id, e.data_type, e.day) = (s.org_id, s.queue, s.kind, s.day)
                AND e.outcome IN ('purged', 'already_gone')) e
        RETURNING items
    )
    SELECT coalesce(sum(items), 0)::bigint FROM entry
$$;
