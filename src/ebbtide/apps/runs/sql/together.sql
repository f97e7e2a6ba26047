-- Many workers at one run. Its carrier holds it (7102, exclusive); its helpers hold 7104 together (shared), and the carrier that
-- wants to be alone takes that lock exclusively. Which part of the plan a worker is at is a third lock, of its own connection:
-- none of this is a row, so nothing has to be cleared away behind a worker that dies.

SELECT ebbtide_protect('runs_batchcount');
CREATE FUNCTION runs_throttle_turn_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'changes of the throttle are only added to' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON runs_throttleturn
    FOR EACH STATEMENT EXECUTE FUNCTION runs_throttle_turn_stays();

-- Whether the session that asks is at the run, as its carrier or as a helper: a connection that was lost and made again is not.
CREATE OR REPLACE FUNCTION runs_refuse_strangers(run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
        AND classid IN (7102, 7104) AND objid = run::oid AND objsubid = 2;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not held by this connection', run USING ERRCODE = 'EB006';
    END IF;
END $$;

-- A live run is ended by its carrier, while no helper is at it: by whoever holds both locks alone.
CREATE FUNCTION runs_refuse_company(run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted AND mode = 'ExclusiveLock'
        AND classid IN (7102, 7104) AND objid = run::oid AND objsubid = 2
    HAVING count(*) = 2;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not held by this connection alone', run USING ERRCODE = 'EB006';
    END IF;
END $$;

-- Give the next batch its number. In a transaction of its own: else workers would wait for each other's batches.
CREATE FUNCTION runs_next_batch(run bigint) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO runs_batchcount AS b (org_id, run_id, last)
    SELECT r.org_id, r.id, 1 + coalesce((SELECT max(e.batch) FROM ledger_entry e
                                         WHERE e.org_id = r.org_id AND e.run_id = r.id), 0)
    FROM runs_run r WHERE r.org_id = ebbtide_org() AND r.id = run
    ON CONFLICT (org_id, run_id) DO UPDATE SET last = b.last + 1
    RETURNING b.last
$$;

-- Decide on up to `most` objects of a part of the plan, oldest day first, and write that down: the intent. Objects that a
-- worker that died left claimed come again; those that could not be destroyed do not, until the next run.
DROP FUNCTION runs_claim_objects(bigint, date, integer);
CREATE FUNCTION runs_claim_objects(
    run bigint, first_day date, last_day date, slice integer, slices integer, most integer
) RETURNS TABLE (id bigint, key text, day date)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    this runs_run := runs_may_delete(run);
BEGIN
    RETURN QUERY
    WITH due AS (
        SELECT o.id FROM runs_planline l
        CROSS JOIN LATERAL unnest(l.queues, l.items) AS planned (queue_id, items)
        JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type)
            AND c.queue_id = planned.queue_id AND c.items <= planned.items
        CROSS JOIN LATERAL (
            SELECT m.id FROM media_mediaobject m
            WHERE m.org_id = l.org_id AND m.kind = l.data_type AND m.day = l.day AND m.queue_id = planned.queue_id
                AND m.id % slices = slice AND (m.claimed_by IS DISTINCT FROM this.id OR m.left_as IS NULL)) o
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type <> 'insights'
            AND l.day BETWEEN first_day AND last_day
        ORDER BY l.day LIMIT most
    )
    UPDATE media_mediaobject m SET claimed_by = this.id, left_as = NULL, left_reason = ''
    FROM due WHERE m.org_id = this.org_id AND m.id = due.id
    RETURNING m.id, m.key, m.day;
END $$;

-- Draw the purged line of a (queue, data type) further; it never moves back. Where it stands far enough already, nothing is
-- locked: the workers of one run would wait for each other at it, and it is only ever drawn further.
CREATE OR REPLACE FUNCTION catalog_draw_line(org integer, queue integer, kind text, day date) RETURNS void
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO catalog_purgedline AS l (org_id, queue_id, data_type, before)
    SELECT org, queue, kind, day + 1
    WHERE NOT EXISTS (
        SELECT 1 FROM catalog_purgedline p
        WHERE (p.org_id, p.queue_id, p.data_type) = (org, queue, kind) AND p.before > catalog_draw_line.day)
    ON CONFLICT (org_id, queue_id, data_type) DO UPDATE SET before = excluded.before WHERE l.before < excluded.before
$$;
