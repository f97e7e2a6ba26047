-- DANGER: the function that deletes report rows, and how it chooses its way (docs/adr/0014-settled-partitions.md). Whatever the way,
-- what goes is the plan's cells of this organization and nothing else, and what was there is proved to be what the cells count,
-- in the same transaction.

-- Which way is cheapest for a day of which these items and bytes of one organization are due: `whole` (they are all there is of
-- any organization: drop the partitions), `rewrite` (most of it: copy the rest, sorted), `delete`. Only an opinion, from counts
-- alone; whoever acts on it looks at the partitions themselves. No organization is counted where the partition's size
-- says that others hold most of it.
CREATE FUNCTION runs_choose_way(wanted date, due_items bigint, due_bytes bigint) RETURNS text
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    there bigint;
BEGIN
    IF pg_relation_size(to_regclass(insights_part('insights_segment', wanted))) > greatest(2.5 * due_bytes, 65536) THEN
        RETURN 'delete';
    END IF;
    SELECT sum(c.items) INTO there FROM insights_census(wanted) c;
    RETURN CASE WHEN due_items = there THEN 'whole' WHEN due_items >= there * 0.6 THEN 'rewrite' ELSE 'delete' END;
END $$;

-- Delete the rows of these queues of one organization and day, straight at the partitions: events, then segments. What is
-- dead then stays in the files until the partition is written anew, and that is written down.
CREATE FUNCTION runs_delete_range(org integer, run bigint, wanted date, queues integer[]) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    deleted bigint;
BEGIN
    EXECUTE format('DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', insights_part('insights_event', wanted))
        USING org, queues;
    EXECUTE format('DELETE FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', insights_part('insights_segment', wanted))
        USING org, queues;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    INSERT INTO insights_residue (day, run) VALUES (wanted, run) ON CONFLICT DO NOTHING;
    RETURN deleted;
END $$;

-- The queues of which one organization has rows in a partition, stepped through by its index.
CREATE FUNCTION runs_queues_in(part text, org integer) RETURNS integer[]
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found integer[];
BEGIN
    EXECUTE format('WITH RECURSIVE q AS (SELECT min(p.queue_id) AS queue FROM %1$I p WHERE p.org_id = $1 UNION ALL '
        'SELECT (SELECT min(p.queue_id) FROM %1$I p WHERE p.org_id = $1 AND p.queue_id > q.queue) FROM q '
        'WHERE q.queue IS NOT NULL) SELECT coalesce(array_agg(q.queue), ''{}'') FROM q WHERE q.queue IS NOT NULL', part)
        INTO found USING org;
    RETURN found;
END $$;

-- Carry a day's way out up to its exchange; gives the way that was possible, and the segments that it takes. `whole` and
-- `rewrite` want writers kept out from here on; where that cannot be had, or rows are there that no cell counts, it is `delete`.
--
-- What is there is counted, but for a day wholly due that was settled with just this many rows and in which nothing was deleted
-- since: it was counted then, and had any come since, the cells would count more.
CREATE FUNCTION runs_begin_way(
        org integer, run bigint, wanted date, queues integer[], due_items bigint, INOUT way text, OUT taken bigint)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    segments text := insights_part('insights_segment', wanted);
    events text := insights_part('insights_event', wanted);
BEGIN
    IF to_regclass(segments) IS NULL THEN
        taken := 0;
        RETURN;
    END IF;
    IF way <> 'delete' THEN
        BEGIN
            PERFORM insights_lock_day(wanted);
        EXCEPTION WHEN lock_not_available THEN
            way := 'delete';
        END;
    END IF;
    IF way = 'whole' AND NOT runs_queues_in(segments, org) || runs_queues_in(events, org) <@ queues THEN
        way := 'delete';
    END IF;
    IF way = 'whole' THEN
        SELECT p.items INTO taken FROM insights_partition p
        WHERE p.day = wanted AND p.items = due_items
            AND NOT EXISTS (SELECT 1 FROM insights_residue r WHERE r.day = wanted);
    END IF;
    IF way = 'delete' THEN
        taken := runs_delete_range(org, run, wanted, queues);
    ELSIF taken IS NULL THEN
        EXECUTE format('SELECT count(*) FROM %I WHERE org_id = $1 AND queue_id = ANY ($2)', segments)
            USING org, queues INTO taken;
    END IF;
END $$;

-- Delete the report rows of the plan's cells of these days: events and segments, then the cells, then the lines in the book.
-- A cell that still has objects is left for later: children go before parents. A cell that holds more than the plan counted is
-- left for the next plan: what nobody saw is not deleted.
-- Returns the items and bytes deleted. Error EB500: rows and cells disagree; nothing of the batch is deleted then.
CREATE OR REPLACE FUNCTION runs_purge_rows(
        run bigint, batch integer, first_day date, last_day date, OUT items bigint, OUT bytes bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    this runs_run := runs_may_delete(run);
    due record;
    begun record;
    days date[] := '{}';
    queues integer[] := '{}';
    wholes date[] := '{}';
    rewrites date[] := '{}';
BEGIN
    -- first wait for whoever writes there, then look, in a statement that sees what they wrote
    PERFORM 1 FROM runs_planline l
    JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type) AND c.queue_id = ANY (l.queues)
    WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type = 'insights'
        AND l.day BETWEEN first_day AND last_day
    ORDER BY c.day, c.queue_id FOR UPDATE OF c;
    FOR due IN
        SELECT c.day, array_agg(c.queue_id ORDER BY c.queue_id) AS queues, sum(c.items)::bigint AS items,
            sum(c.bytes)::bigint AS bytes
        FROM runs_planline l CROSS JOIN LATERAL unnest(l.queues, l.items) AS planned (queue_id, items)
        JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type)
            AND c.queue_id = planned.queue_id AND c.items <= planned.items
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type = 'insights'
            AND l.day BETWEEN first_day AND last_day
            AND NOT EXISTS (
                SELECT 1 FROM catalog_cell o
                WHERE o.org_id = this.org_id AND o.day = c.day AND o.data_type <> 'insights' AND o.queue_id = c.queue_id)
        GROUP BY c.day ORDER BY c.day
    LOOP
        SELECT * INTO begun FROM runs_begin_way(
            this.org_id, this.id, due.day, due.queues, due.items, runs_choose_way(due.day, due.items, due.bytes));
        IF begun.taken <> due.items THEN
            RAISE EXCEPTION 'cells of % count % segments and % are there', due.day, due.items, begun.taken
                USING ERRCODE = 'EB500';
        END IF;
        days := days || array_fill(due.day, ARRAY[cardinality(due.queues)]);
        queues := queues || due.queues;
        IF begun.way = 'whole' THEN
            wholes := wholes || due.day;
        ELSIF begun.way = 'rewrite' THEN
            rewrites := rewrites || due.day;
        END IF;
    END LOOP;
    WITH gone AS (
        DELETE FROM catalog_cell c USING unnest(days, queues) AS t (day, queue_id)
        WHERE c.org_id = this.org_id AND c.day = t.day AND c.data_type = 'insights' AND c.queue_id = t.queue_id
        RETURNING c.day, c.queue_id, c.items, c.bytes
    ), entry AS (
        INSERT INTO ledger_entry (org_id, run_id, batch, queue_id, day, data_type, job_id, outcome, reason, items, bytes)
        SELECT this.org_id, this.id, batch, g.queue_id, g.day, 'insights', l.jobs[array_position(l.queues, g.queue_id)],
            'purged', '', g.items, g.bytes
        FROM gone g JOIN runs_planline l
            ON (l.org_id, l.plan_id, l.day, l.data_type) = (this.org_id, this.plan_id, g.day, 'insights')
        ORDER BY g.day, g.queue_id
    ), line AS (
        SELECT catalog_draw_line(this.org_id, newest.queue_id, 'insights', newest.day)
        FROM (SELECT g.queue_id, max(g.day) AS day FROM gone g GROUP BY 1 ORDER BY 1) newest
    )
    SELECT coalesce(sum(g.items), 0), coalesce(sum(g.bytes), 0) INTO items, bytes
    FROM gone g WHERE (SELECT count(*) FROM line) >= 0;
    PERFORM runs_exchange_days(this, batch, wholes, rewrites);
END $$;

-- The last step of a batch, so that whoever reads is stopped for milliseconds: drop the days that are wholly due (or empty them,
-- where the parents are busy), put copies in the place of those rewritten. Where no lock is given in time, or a stranger's
-- rows lie there, the rows that the book has just written down are deleted, and nothing else.
CREATE FUNCTION runs_exchange_days(this runs_run, batch integer, wholes date[], rewrites date[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    wanted date;
    copied record;
    sizes bigint[] := '{}'; -- NULL where there is no copy that fits
    has_parents boolean := false;
    has_parts boolean := false;
BEGIN
    IF cardinality(wholes) + cardinality(rewrites) = 0 THEN
        RETURN;
    END IF;
    FOREACH wanted IN ARRAY rewrites LOOP
        SELECT c.fits, c.items INTO copied
        FROM insights_copy(wanted, this.org_id, runs_booked_queues(this, batch, wanted)) c;
        sizes := sizes || CASE WHEN copied.fits THEN copied.items END;
    END LOOP;
    BEGIN
        PERFORM insights_lock_parents();
        has_parents := true;
    EXCEPTION WHEN lock_not_available OR SQLSTATE 'EB007' THEN
        BEGIN
            PERFORM insights_lock_parts(wholes);
            has_parts := true;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END;
    FOREACH wanted IN ARRAY wholes LOOP
        IF NOT ((has_parents OR has_parts) AND insights_drop_day(wanted, this.org_id, NOT has_parents)) THEN
            PERFORM runs_delete_booked(this, batch, wanted);
        END IF;
    END LOOP;
    FOR place IN 1 .. cardinality(rewrites) LOOP
        IF NOT (has_parents AND sizes[place] IS NOT NULL
                AND insights_exchange(rewrites[place], this.org_id, sizes[place])) THEN
            PERFORM insights_drop_copy(rewrites[place]), runs_delete_booked(this, batch, rewrites[place]);
        END IF;
    END LOOP;
END $$;

-- The queues of a day that this batch has booked as purged: what is left out, or deleted, is what the book says.
CREATE FUNCTION runs_booked_queues(this runs_run, batch integer, wanted date) RETURNS integer[]
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT array_agg(e.queue_id) FROM ledger_entry e
    WHERE e.org_id = this.org_id AND e.run_id = this.id AND e.batch = runs_booked_queues.batch AND e.day = wanted
        AND e.data_type = 'insights' AND e.outcome = 'purged'
$$;

CREATE FUNCTION runs_delete_booked(this runs_run, batch integer, wanted date) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    booked bigint;
BEGIN
    SELECT sum(e.items) INTO booked FROM ledger_entry e
    WHERE e.org_id = this.org_id AND e.run_id = this.id AND e.batch = runs_delete_booked.batch AND e.day = wanted
        AND e.data_type = 'insights' AND e.outcome = 'purged';
    IF runs_delete_range(this.org_id, this.id, wanted, runs_booked_queues(this, batch, wanted)) IS DISTINCT FROM booked THEN
        RAISE EXCEPTION 'cells of % counted % segments and others are there', wanted, booked USING ERRCODE = 'EB500';
    END IF;
END $$;
