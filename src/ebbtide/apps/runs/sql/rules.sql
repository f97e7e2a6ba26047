-- DANGER: the functions in this file are the only way in which anything is ever deleted. No role of the product has DELETE on
-- data; the sweep role may call these functions, and each of them asks runs_may_delete first, inside the transaction that
-- deletes. What they may take is what a stored plan names, cell by cell; there is no condition to get wrong.

SELECT ebbtide_protect('runs_plan');
SELECT ebbtide_protect('runs_planline');
SELECT ebbtide_protect('runs_run');
CREATE POLICY platform ON runs_run FOR SELECT USING (ebbtide_is_platform());
CREATE POLICY platform ON runs_plan FOR SELECT USING (ebbtide_is_platform()); -- heads; never the lines
ALTER TABLE runs_plan ADD CONSTRAINT plan_of_org UNIQUE (org_id, id);
ALTER TABLE runs_planline ADD CONSTRAINT planline_plan_of_org
    FOREIGN KEY (org_id, plan_id) REFERENCES runs_plan (org_id, id)
    DEFERRABLE INITIALLY DEFERRED; -- lines are streamed in; the head, with their hash, comes last
ALTER TABLE runs_run ADD CONSTRAINT run_plan_of_org FOREIGN KEY (org_id, plan_id) REFERENCES runs_plan (org_id, id);
INSERT INTO runs_platform (id, stopped, stopped_reason) VALUES (1, false, '');

-- A plan never changes, but that a person may confirm it, once.
CREATE FUNCTION runs_plan_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'runs_plan' THEN
        IF OLD.confirmed_at IS NULL
            AND to_jsonb(NEW) - 'confirmed_at' - 'confirmed_by' = to_jsonb(OLD) - 'confirmed_at' - 'confirmed_by' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a plan never changes: make a new one' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON runs_plan FOR EACH ROW EXECUTE FUNCTION runs_plan_stays();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON runs_planline FOR EACH ROW EXECUTE FUNCTION runs_plan_stays();
-- A plan's head is written after its lines, with their hash: whoever has a head has all its lines.
CREATE FUNCTION runs_plan_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM runs_plan p WHERE p.org_id = NEW.org_id AND p.id = NEW.plan_id) THEN
        RAISE EXCEPTION 'a plan never changes: make a new one' USING ERRCODE = 'EB403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_closed BEFORE INSERT ON runs_planline FOR EACH ROW EXECUTE FUNCTION runs_plan_is_closed();
-- A run begins as a question; only the guards' answer makes it live.
CREATE FUNCTION runs_begins_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.mode IS NOT NULL OR NEW.outcome IS NOT NULL THEN
        RAISE EXCEPTION 'a run begins before its guards are asked' USING ERRCODE = 'EB403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins_open BEFORE INSERT ON runs_run FOR EACH ROW EXECUTE FUNCTION runs_begins_open();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON runs_plan FOR EACH STATEMENT EXECUTE FUNCTION runs_plan_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON runs_planline FOR EACH STATEMENT EXECUTE FUNCTION runs_plan_stays();

-- The turnstile: who is about to delete goes in (shared), who takes a permission away waits until it is empty (exclusive, in
-- apps/orgs/locks.py). Advisory locks queue in order, so that a switch is never starved by batches that follow each other.
-- Whether the session that asks holds the run (7102): a connection that was lost and made again does not.
CREATE FUNCTION runs_refuse_strangers(run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
        AND classid = 7102 AND objid = run::oid AND objsubid = 2;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % is not held by this connection', run USING ERRCODE = 'EB006';
    END IF;
END $$;

-- May this run delete, now? Goes into the turnstile until the transaction ends, then looks: a switch, a disarming or a changed
-- job that was committed before is seen; one that comes later waits for this batch, and the next batch sees it.
-- Errors: EB001 switch, EB002 not a live run, EB003 cancelled, EB004 not armed, EB005 plan stale, EB006 not held.
CREATE FUNCTION runs_may_delete(run bigint) RETURNS runs_run
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    this runs_run;
    org orgs_organization;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7101, 0), pg_advisory_xact_lock_shared(7101, ebbtide_org());
    PERFORM 1 FROM runs_platform WHERE NOT stopped;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the platform''s kill switch is on' USING ERRCODE = 'EB001';
    END IF;
    SELECT * INTO org FROM orgs_organization WHERE id = ebbtide_org();
    SELECT * INTO this FROM runs_run WHERE org_id = ebbtide_org() AND id = run FOR SHARE;
    IF this.id IS NULL OR this.mode IS DISTINCT FROM 'live' OR this.outcome IS NOT NULL THEN
        RAISE EXCEPTION 'run % is no live run that is going on', run USING ERRCODE = 'EB002';
    END IF;
    IF this.cancelled_at IS NOT NULL THEN
        RAISE EXCEPTION 'the run was cancelled' USING ERRCODE = 'EB003';
    END IF;
    IF org.stopped THEN
        RAISE EXCEPTION 'the organization''s kill switch is on' USING ERRCODE = 'EB001';
    END IF;
    IF NOT org.armed THEN
        RAISE EXCEPTION 'deletion is not armed for this organization' USING ERRCODE = 'EB004';
    END IF;
    PERFORM 1 FROM runs_plan p
    WHERE p.org_id = this.org_id AND p.id = this.plan_id AND p.armed AND p.jobs_version = org.jobs_version
        AND p.armed_at IS NOT DISTINCT FROM org.armed_at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'jobs or arming have changed since the plan was made' USING ERRCODE = 'EB005';
    END IF;
    PERFORM runs_refuse_strangers(run);
    RETURN this;
END $$;

-- Delete the report rows of the plan's cells of these days: events, then segments, straight at their partitions, then the
-- cells, then the lines in the book. A cell that still has objects is left for later: children go before parents. A cell that
-- holds more than the plan counted is left for the next plan: what nobody saw is not deleted.
-- Returns the items and bytes deleted. Error EB500: rows and cells disagree; nothing of the batch is deleted then.
CREATE FUNCTION runs_purge_rows(run bigint, batch integer, first_day date, last_day date, OUT items bigint, OUT bytes bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    this runs_run := runs_may_delete(run);
    line runs_planline;
    part text;
    due integer[];
    counted bigint;
    deleted bigint;
    booked record;
BEGIN
    items := 0;
    bytes := 0;
    FOR line IN
        SELECT * FROM runs_planline l
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type = 'insights'
            AND l.day BETWEEN first_day AND last_day
        ORDER BY l.day
    LOOP
        -- first wait for whoever writes there, then look, in a statement that sees what they wrote
        PERFORM 1 FROM catalog_cell c
        WHERE c.org_id = this.org_id AND c.day = line.day AND c.data_type = 'insights' AND c.queue_id = ANY (line.queues)
        ORDER BY c.queue_id FOR UPDATE;
        SELECT array_agg(c.queue_id ORDER BY c.queue_id), sum(c.items) INTO due, counted FROM catalog_cell c
        JOIN unnest(line.queues, line.items) AS planned (queue_id, items)
            ON planned.queue_id = c.queue_id AND c.items <= planned.items
        WHERE c.org_id = this.org_id AND c.day = line.day AND c.data_type = 'insights'
            AND NOT EXISTS (
                SELECT 1 FROM catalog_cell o
                WHERE o.org_id = this.org_id AND o.day = line.day AND o.data_type <> 'insights'
                    AND o.queue_id = c.queue_id);
        CONTINUE WHEN due IS NULL;
        part := to_char(line.day, 'YYYYMMDD');
        EXECUTE format('DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', 'insights_event_' || part)
            USING this.org_id, due;
        EXECUTE format('DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', 'insights_segment_' || part)
            USING this.org_id, due;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        IF deleted <> counted THEN
            RAISE EXCEPTION 'cells of % count % segments and % are there', line.day, counted, deleted
                USING ERRCODE = 'EB500';
        END IF;
        WITH gone AS (
            DELETE FROM catalog_cell c
            WHERE c.org_id = this.org_id AND c.day = line.day AND c.data_type = 'insights' AND c.queue_id = ANY (due)
            RETURNING c.queue_id, c.items, c.bytes
        ), entry AS (
            INSERT INTO ledger_entry
                (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes)
            SELECT this.org_id, this.id, batch, g.queue_id, line.day, 'insights',
                line.jobs[array_position(line.queues, g.queue_id)], 'purged', '', g.items, g.bytes
            FROM gone g ORDER BY g.queue_id
        )
        SELECT sum(g.items) AS items, sum(g.bytes) AS bytes,
            count(catalog_draw_line(this.org_id, g.queue_id, 'insights', line.day)) AS lines
        INTO booked FROM gone g;
        items := items + booked.items;
        bytes := bytes + booked.bytes;
    END LOOP;
END $$;

-- Decide on up to `most` objects of the plan, oldest day first, and write that down: the intent. Objects that a broken attempt
-- of this run left claimed come again; those it could not destroy do not, until the next run.
CREATE FUNCTION runs_claim_objects(run bigint, first_day date, most integer)
    RETURNS TABLE (id bigint, key text, day date)
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
                AND (m.claimed_by IS DISTINCT FROM this.id OR m.left_as IS NULL)) o
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type <> 'insights' AND l.day >= first_day
        ORDER BY l.day LIMIT most
    )
    UPDATE media_mediaobject m SET claimed_by = this.id, left_as = NULL, left_reason = ''
    FROM due WHERE m.org_id = this.org_id AND m.id = due.id
    RETURNING m.id, m.key, m.day;
END $$;

-- The claims that this run left open when it was broken off: decided, and perhaps destroyed. Needs no permission to delete.
CREATE FUNCTION runs_open_claims(run bigint) RETURNS TABLE (id bigint, key text, day date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.id, m.key, m.day FROM media_mediaobject m
    WHERE m.org_id = ebbtide_org() AND m.claimed_by = run AND m.left_as IS NULL ORDER BY m.id
$$;

-- Write down what became of claimed objects: rows of those that are gone go, with their cells' counts, and into the book.
-- Needs no permission to delete any more: the deed is done, and the truth is told whatever has been switched since.
CREATE FUNCTION runs_close_objects(run bigint, batch integer, ids bigint[], outcomes text[], reasons text[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    this runs_run;
    closed bigint;
BEGIN
    SELECT * INTO this FROM runs_run r
    WHERE r.org_id = ebbtide_org() AND r.id = run AND r.mode = 'live' AND r.outcome IS NULL FOR SHARE;
    IF this.id IS NULL THEN
        RAISE EXCEPTION 'run % is no live run that is going on', run USING ERRCODE = 'EB002';
    END IF;
    PERFORM runs_refuse_strangers(run);
    UPDATE media_mediaobject m SET left_as = t.outcome, left_reason = t.reason
    FROM unnest(ids, outcomes, reasons) AS t (id, outcome, reason)
    WHERE m.org_id = this.org_id AND m.id = t.id AND m.claimed_by = this.id AND t.outcome IN ('failed', 'kept');
    WITH gone AS (
        DELETE FROM media_mediaobject m USING unnest(ids, outcomes) AS t (id, outcome)
        WHERE m.org_id = this.org_id AND m.id = t.id AND m.claimed_by = this.id
            AND t.outcome IN ('purged', 'already_gone')
        RETURNING m.queue_id, m.day, m.kind, m.bytes, t.outcome
    ), summed AS (
        SELECT g.queue_id, g.day, g.kind, g.outcome, count(*) AS items, sum(g.bytes) AS bytes
        FROM gone g GROUP BY 1, 2, 3, 4
    ), entry AS (
        INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes)
        SELECT this.org_id, this.id, batch, s.queue_id, s.day, s.kind, l.jobs[array_position(l.queues, s.queue_id)],
            s.outcome, '', s.items, s.bytes
        FROM summed s JOIN runs_planline l
            ON (l.org_id, l.plan_id, l.day, l.data_type) = (this.org_id, this.plan_id, s.day, s.kind)
        ORDER BY s.day, s.kind, s.queue_id
    ), line AS (
        SELECT catalog_draw_line(this.org_id, newest.queue_id, newest.kind, newest.day)
        FROM (SELECT s.queue_id, s.kind, max(s.day) AS day FROM summed s GROUP BY 1, 2) newest
    )
    SELECT coalesce(sum(s.items), 0) INTO closed FROM summed s WHERE (SELECT count(*) FROM line) >= 0;
    RETURN closed;
END $$;

-- End a live run: book what it had to leave, with reasons, and add up the four numbers from book and cells.
-- reached_end: whether the sweep went through the whole plan; if not, what is left of it was not reached.
CREATE FUNCTION runs_add_up(run bigint, reached_end boolean)
    RETURNS runs_run LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    this runs_run;
    closing integer;
BEGIN
    SELECT * INTO this FROM runs_run r WHERE r.org_id = ebbtide_org() AND r.id = run AND r.mode = 'live' AND r.outcome IS NULL
    FOR UPDATE;
    IF this.id IS NULL THEN
        RAISE EXCEPTION 'run % is no live run that is going on', run USING ERRCODE = 'EB002';
    END IF;
    PERFORM runs_refuse_strangers(run);
    SELECT coalesce(max(e.batch), 0) + 1 INTO closing FROM ledger_entry e
    WHERE e.org_id = this.org_id AND e.run_id = this.id;
    INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes)
    SELECT m.org_id, this.id, closing, m.queue_id, m.day, m.kind, l.jobs[array_position(l.queues, m.queue_id)],
        m.left_as, m.left_reason, count(*), sum(m.bytes)
    FROM media_mediaobject m JOIN runs_planline l
        ON (l.org_id, l.plan_id, l.day, l.data_type) = (m.org_id, this.plan_id, m.day, m.kind)
    CROSS JOIN LATERAL unnest(l.queues, l.items) AS planned (queue_id, items)
    JOIN catalog_cell c ON (c.org_id, c.day, c.data_type, c.queue_id) = (m.org_id, m.day, m.kind, m.queue_id)
    WHERE m.org_id = this.org_id AND m.claimed_by = this.id AND m.left_as IS NOT NULL
        AND planned.queue_id = m.queue_id AND (c.items <= planned.items OR NOT reached_end)
    GROUP BY 1, 4, 5, 6, 7, 8, 9;
    IF reached_end THEN
        INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes)
        SELECT c.org_id, this.id, closing, c.queue_id, c.day, c.data_type, planned.job,
            CASE WHEN c.items > planned.items THEN 'kept' ELSE 'failed' END,
            CASE WHEN c.items > planned.items THEN 'more has come in since the plan was made: the next plan counts it'
                 ELSE 'recordings of this Q and day are still there' END,
            c.items, c.bytes
        FROM runs_planline l
        CROSS JOIN LATERAL unnest(l.queues, l.jobs, l.items) AS planned (queue_id, job, items)
        JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type)
            AND c.queue_id = planned.queue_id
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id
            AND (l.data_type = 'insights' OR c.items > planned.items);
    END IF;
    SELECT coalesce(sum(e.items) FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0),
        coalesce(sum(e.bytes) FILTER (WHERE e.outcome IN ('purged', 'already_gone')), 0),
        coalesce(sum(e.items) FILTER (WHERE e.outcome = 'kept'), 0),
        coalesce(sum(e.items) FILTER (WHERE e.outcome = 'failed'), 0)
    INTO this.purged, this.purged_bytes, this.kept, this.failed
    FROM ledger_entry e WHERE e.org_id = this.org_id AND e.run_id = this.id;
    SELECT coalesce(sum(c.items), 0) - this.kept - this.failed INTO this.not_reached
    FROM runs_planline l JOIN catalog_cell c
        ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type) AND c.queue_id = ANY (l.queues)
    WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id;
    RETURN this;
END $$;
