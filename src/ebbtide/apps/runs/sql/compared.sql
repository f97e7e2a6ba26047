-- When each organization was last compared with its rows and objects, and with how many differences: counts alone. And the bytes
-- of objects without a row, where the store tells them.

SELECT ebbtide_protect('runs_reconciliation');
CREATE POLICY platform ON runs_reconciliation FOR SELECT USING ((SELECT ebbtide_is_platform()));

-- Remember what a reconciliation has seen, with the size of each where it is known.
CREATE FUNCTION runs_remember_orphans(whats text[], keys text[], sizes bigint[], seen_at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO runs_orphan AS o (org_id, what, key, bytes, first_seen_at, last_seen_at, sightings, fate, left_reason)
    SELECT DISTINCT ON (t.what, t.key) ebbtide_org(), t.what, t.key, t.size, seen_at, seen_at, 1, 'waits', ''
    FROM unnest(whats, keys, sizes) AS t (what, key, size)
    ON CONFLICT (org_id, what, key) DO UPDATE
        SET last_seen_at = seen_at, sightings = o.sightings + (o.last_seen_at < seen_at)::integer, bytes = excluded.bytes
        WHERE o.last_seen_at <= seen_at
$$;

-- As it was called before; for workers that are still to be upgraded.
CREATE OR REPLACE FUNCTION runs_remember_orphans(whats text[], keys text[], seen_at timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT runs_remember_orphans(whats, keys, array_fill(NULL::bigint, ARRAY[cardinality(keys)]), seen_at)
$$;

-- Write down what became of them: those that are gone go into the book, with their bytes where all of them are known; the others
-- stay listed with the reason. Needs no permission any more: the deed is done.
CREATE OR REPLACE FUNCTION runs_close_orphans(ids bigint[], reasons text[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE runs_orphan o SET left_reason = t.reason
    FROM unnest(ids, reasons) AS t (id, reason)
    WHERE o.org_id = ebbtide_org() AND o.id = t.id AND o.claimed_at IS NOT NULL AND t.reason <> '';
    WITH gone AS (
        DELETE FROM runs_orphan o USING unnest(ids, reasons) AS t (id, reason)
        WHERE o.org_id = ebbtide_org() AND o.id = t.id AND o.claimed_at IS NOT NULL AND o.what = 'object' AND t.reason = ''
        RETURNING o.org_id, o.key, o.bytes, o.first_seen_at
    ), summed AS (
        SELECT g.org_id, c.queue, c.day, c.kind, count(*) AS items,
            CASE WHEN count(g.bytes) = count(*) THEN sum(g.bytes)::bigint END AS bytes, min(g.first_seen_at) AS first_seen_at
        FROM gone g CROSS JOIN LATERAL runs_cell_of(g.key) c GROUP BY 1, 2, 3, 4
    ), entry AS (
        INSERT INTO ledger_strayentry (org_id, run_id, queue_id, day, data_type, items, bytes, first_seen_at)
        SELECT s.org_id, e.run_id, s.queue, s.day, s.kind, s.items, s.bytes, s.first_seen_at FROM summed s
        CROSS JOIN LATERAL (
            SELECT max(e.run_id) AS run_id FROM ledger_entry e
            WHERE (e.org_id, e.queue_id, e.data_type, e.day) = (s.org_id, s.queue, s.kind, s.day)
                AND e.outcome IN ('purged', 'already_gone')) e
        RETURNING items
    )
    SELECT coalesce(sum(items), 0)::bigint FROM entry
$$;
