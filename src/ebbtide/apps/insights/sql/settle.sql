-- Settling: a finished day's partition is written anew, once, sorted by organization and queue, so that a cell is one
-- contiguous stretch; and again when deletions have left dead rows in it, whose bytes only a new file is rid of
-- (docs/adr/0014-settled-partitions.md). Rows are copied and nothing is deleted: what the copy holds is proved against the
-- cells of every organization before it takes the partition's place.
--
-- Nobody who reads waits long: the copy is made under a lock that lets readers through; for the exchange alone the parents are
-- locked, and that lock is asked for a tenth of a second at a time, so that nobody queues behind it for longer.

-- What cannot be read from the partitions themselves. They tell of no organization and of nobody.
CREATE TABLE insights_partition (
    day        date PRIMARY KEY,
    settled_at timestamptz NOT NULL,
    items      bigint NOT NULL CHECK (items > 0) -- when it was settled: where the cells count more, rows came late
);
-- Which run has left dead rows in which partition; gone when the partition is written anew or dropped.
CREATE TABLE insights_residue (
    day date,
    run bigint,
    at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, day)
);
CREATE INDEX residue_by_day ON insights_residue (day);

CREATE FUNCTION insights_part(parent text, wanted date) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT parent || '_' || to_char(wanted, 'YYYYMMDD')
$$;

-- Moments tell of people too, and the kind of an event is any text that came with it: no samples of them either.
CREATE OR REPLACE FUNCTION insights_no_samples(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ', target) || (
        SELECT string_agg(format('ALTER COLUMN %I SET STATISTICS 0', attname), ', ')
        FROM pg_attribute WHERE attrelid = target AND attnum > 0
            AND attname IN ('id', 'segment_id', 'source_key', 'interaction', 'customer', 'agent', 'transfer',
                            'disposition', 'attributes', 'flags', 'content', 'queued_at', 'answered_at', 'ended_at', 'at', 'kind'));
END $$;

-- Guard a partition as its parent is guarded. Its policies are met by functions of the owner alone, which go straight to it; they
-- ask for the scope once a statement and not once a row. The second is for those that copy or count a whole partition, and
-- lets them read and nothing more.
CREATE FUNCTION insights_policies(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER POLICY own ON %s USING (org_id = (SELECT ebbtide_org())) WITH CHECK (org_id = (SELECT ebbtide_org()))',
        part);
    EXECUTE format('CREATE POLICY platform ON %s FOR SELECT TO CURRENT_ROLE USING ((SELECT ebbtide_is_platform()))', part);
END $$;
CREATE FUNCTION insights_guard(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ebbtide_protect(part), insights_no_samples(part), insights_policies(part);
END $$;

CREATE OR REPLACE FUNCTION insights_ensure_days(days date[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted date;
    parent text;
    part text;
    made integer := 0;
BEGIN
    FOR wanted IN
        SELECT DISTINCT d FROM unnest(days) d
        WHERE to_regclass('insights_segment_' || to_char(d, 'YYYYMMDD')) IS NULL ORDER BY d
    LOOP
        IF wanted < DATE '1971-01-01' OR wanted > current_date + 4 THEN
            RAISE EXCEPTION 'no segment can have ended on %', wanted USING ERRCODE = 'EB400';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('insights_ensure_days'));
        FOREACH parent IN ARRAY ARRAY['insights_segment', 'insights_event'] LOOP
            part := insights_part(parent, wanted);
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS INCLUDING GENERATED)', part, parent);
            PERFORM insights_guard(part::regclass);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, part, wanted, wanted + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- The partitions that are there already: guarded alike.
SELECT insights_no_samples('insights_segment'), insights_no_samples('insights_event');
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT i.inhrelid FROM pg_inherits i
        WHERE i.inhparent IN ('insights_segment'::regclass, 'insights_event'::regclass)
    LOOP
        PERFORM insights_no_samples(part), insights_policies(part);
    END LOOP;
END $$;

-- Change the scope to the platform's, in which a function of the owner sees all organizations, and back; gives what it was. An
-- error on the way takes the change back by itself.
CREATE FUNCTION insights_scope(wanted text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    before text := coalesce(current_setting('ebbtide.platform', true), '');
BEGIN
    PERFORM set_config('ebbtide.platform', wanted, true);
    RETURN before;
END $$;

-- What the cells of all organizations count on a day. Asked organization by organization, by the cells' key.
CREATE FUNCTION insights_census(wanted date) RETURNS TABLE (org_id integer, queue_id integer, items bigint)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    scope text := insights_scope('on');
BEGIN
    RETURN QUERY SELECT o.id, c.queue_id, c.items FROM orgs_organization o
    CROSS JOIN LATERAL (
        SELECT c.queue_id, c.items FROM catalog_cell c
        WHERE c.org_id = o.id AND c.day = wanted AND c.data_type = 'insights' OFFSET 0) c;
    PERFORM insights_scope(scope);
END $$;

-- Keep writers of a day out, and let its readers through. Error 55P03: somebody writes there for longer than that.
CREATE FUNCTION insights_lock_day(wanted date) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    EXECUTE format('LOCK TABLE %I, %I IN SHARE ROW EXCLUSIVE MODE',
        insights_part('insights_event', wanted), insights_part('insights_segment', wanted));
END $$;

-- To a snapshot that is older than an exchange the new partition looks empty. No statement of the product keeps one, but a dump
-- does: whoever makes one holds 7105 (docs/database.md), and meanwhile nothing is exchanged. Error EB007.
CREATE FUNCTION insights_refuse_dumped() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(7105, 1) THEN
        RAISE EXCEPTION 'a dump is being made' USING ERRCODE = 'EB007';
    END IF;
END $$;

-- Stop everybody, for an exchange of partitions that takes milliseconds. Asked for a tenth of a second: whoever reads then
-- queues behind this no longer. Error 55P03: not given.
CREATE FUNCTION insights_lock_parents() RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM insights_refuse_dumped();
    LOCK TABLE ONLY insights_event, ONLY insights_segment IN ACCESS EXCLUSIVE MODE; -- who reads a partition came through them
END $$;

-- Stop everybody on these days alone, where the parents are not to be had. The first is asked for as above, the others not at
-- all where they are not free: whoever waits for the first must not wait for each of them.
CREATE FUNCTION insights_lock_parts(days date[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    FOR place IN 1 .. cardinality(days) LOOP
        EXECUTE format('LOCK TABLE %I, %I IN ACCESS EXCLUSIVE MODE' || CASE WHEN place > 1 THEN ' NOWAIT' ELSE '' END,
            insights_part('insights_event', days[place]), insights_part('insights_segment', days[place]));
    END LOOP;
END $$;

-- Make a sorted copy of a day's partitions aside, without the rows of these queues of this organization (NULL: of all).
-- Expects the day to be locked and, where rows are left out, their cells to be gone. False: the copy is not what the cells
-- of all organizations count, or has events of a queue that has no rows; nobody must put it in the place of anything.
CREATE FUNCTION insights_copy(wanted date, without integer, queues integer[], OUT fits boolean, OUT items bigint)
    LANGUAGE plpgsql SET search_path = public, pg_temp SET work_mem = '64MB'
    SET maintenance_work_mem = '128MB' AS $$
DECLARE
    parent text;
    part text;
    names text;
    copied bigint;
    scope text := insights_scope('on');
BEGIN
    FOREACH parent IN ARRAY ARRAY['insights_event', 'insights_segment'] LOOP
        part := insights_part(parent, wanted);
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO names FROM pg_attribute a
        WHERE a.attrelid = parent::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS INCLUDING GENERATED, '
            'CONSTRAINT of_day CHECK (day >= %L AND day < %L))', part || '_new', parent, wanted, wanted + 1);
        EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I '
            'WHERE (org_id = $1 AND queue_id = ANY ($2)) IS NOT TRUE ORDER BY org_id, queue_id',
            part || '_new', names, names, part) USING without, queues;
        GET DIAGNOSTICS copied = ROW_COUNT;
        EXECUTE format('CREATE INDEX %I ON %I (org_id, queue_id)', part || '_new_by_queue', part || '_new');
    END LOOP;
    items := copied;
    EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM insights_census($1) c '
        'FULL JOIN (SELECT org_id, queue_id, count(*) AS items FROM %1$I GROUP BY 1, 2) n USING (org_id, queue_id) '
        'WHERE c.items IS DISTINCT FROM n.items) AND NOT EXISTS '
        '(SELECT DISTINCT org_id, queue_id FROM %2$I EXCEPT SELECT DISTINCT org_id, queue_id FROM %1$I)',
        insights_part('insights_segment', wanted) || '_new', insights_part('insights_event', wanted) || '_new')
        INTO fits USING wanted;
    PERFORM insights_scope(scope);
END $$;

CREATE FUNCTION insights_drop_copy(wanted date) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE %I, %I', insights_part('insights_event', wanted) || '_new',
        insights_part('insights_segment', wanted) || '_new');
END $$;

-- Whose rows lie in a partition, whatever row-level security would show: stepped through by its index. Expects a lock that
-- nobody shares; where security would hide a row all the same, `row_security = off` makes that an error. Security is
-- forced again by whoever lets the partition live on.
CREATE FUNCTION insights_owners(part text) RETURNS integer[]
    LANGUAGE plpgsql SET search_path = public, pg_temp SET row_security = off SET lock_timeout = '100ms' AS $$
DECLARE
    found integer[];
BEGIN
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', part);
    EXECUTE format('WITH RECURSIVE o AS (SELECT min(p.org_id) AS org FROM %1$I p UNION ALL '
        'SELECT (SELECT min(p.org_id) FROM %1$I p WHERE p.org_id > o.org) FROM o WHERE o.org IS NOT NULL) '
        'SELECT coalesce(array_agg(o.org), ''{}'') FROM o WHERE o.org IS NOT NULL', part) INTO found;
    RETURN found;
END $$;

-- Put the copy of a day in the place of its partitions, which are dropped. Expects the parents to be locked. False: an
-- organization other than `without` has rows there and none in the copy; nothing is exchanged then.
CREATE FUNCTION insights_exchange(wanted date, without integer, copied bigint) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    parent text;
    part text;
    is_all_there boolean;
BEGIN
    FOREACH parent IN ARRAY ARRAY['insights_event', 'insights_segment'] LOOP
        part := insights_part(parent, wanted);
        is_all_there := insights_owners(part) <@ (insights_owners(part || '_new') || without);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
        IF NOT is_all_there THEN
            RETURN false;
        END IF;
    END LOOP;
    FOREACH parent IN ARRAY ARRAY['insights_event', 'insights_segment'] LOOP
        part := insights_part(parent, wanted);
        EXECUTE format('DROP TABLE %I', part);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', part || '_new', part);
        EXECUTE format('ALTER INDEX %I RENAME TO %I', part || '_new_by_queue', part || '_org_id_queue_id_idx');
        PERFORM insights_guard(part::regclass);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, wanted, wanted + 1);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_day', part);
    END LOOP;
    DELETE FROM insights_residue r WHERE r.day = wanted;
    INSERT INTO insights_partition AS p (day, settled_at, items) VALUES (wanted, now(), copied)
    ON CONFLICT (day) DO UPDATE SET settled_at = excluded.settled_at, items = excluded.items;
    RETURN true;
END $$;

-- Drop a day's partitions where no organization but `last` has a row there (NULL: nobody has). Expects the parents to be
-- locked, or else with `keep_empty` the partitions: they are emptied then and dropped another night.
CREATE FUNCTION insights_drop_day(wanted date, last integer, keep_empty boolean) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    parts text[] := ARRAY[insights_part('insights_event', wanted), insights_part('insights_segment', wanted)];
    part text;
    is_free boolean := true;
BEGIN
    FOREACH part IN ARRAY parts LOOP
        is_free := is_free AND insights_owners(part) <@ array_remove(ARRAY[last], NULL);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
    END LOOP;
    IF is_free THEN
        EXECUTE format(CASE WHEN keep_empty THEN 'TRUNCATE %I, %I' ELSE 'DROP TABLE %I, %I' END, parts[1], parts[2]);
        DELETE FROM insights_residue r WHERE r.day = wanted;
        DELETE FROM insights_partition p WHERE p.day = wanted;
    END IF;
    RETURN is_free;
END $$;

-- Whether a day has ended everywhere on Earth, for a day at least: the last zone is twelve hours behind UTC.
CREATE FUNCTION insights_is_finished(wanted date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT now() >= (wanted + 2)::timestamp AT TIME ZONE 'UTC' + interval '12 hours'
$$;

-- The days whose partitions want to be written anew, oldest first, and why: `empty` (to be dropped), `fresh` (never settled),
-- `residue` (deletions left dead rows), `late` (rows came since). None twice within 20 hours: what the nights of several
-- organizations leave goes in one.
CREATE FUNCTION insights_unsettled() RETURNS TABLE (day date, why text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    scope text := insights_scope('on');
BEGIN
    RETURN QUERY
    WITH part AS MATERIALIZED ( -- or names of other tables would be read as days
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'insights_segment'::regclass
    ), counted AS (
        SELECT c.day, sum(c.items) AS items FROM catalog_cell c WHERE c.data_type = 'insights' GROUP BY c.day
    ), judged AS (
        SELECT p.day, CASE
            WHEN n.items IS NULL THEN 'empty'
            WHEN s.day IS NULL THEN 'fresh'
            WHEN s.settled_at > now() - interval '20 hours' THEN NULL
            WHEN EXISTS (SELECT 1 FROM insights_residue r WHERE r.day = p.day) THEN 'residue'
            WHEN n.items > s.items THEN 'late' END AS why
        FROM part p LEFT JOIN counted n ON n.day = p.day LEFT JOIN insights_partition s ON s.day = p.day
    )
    SELECT j.day, j.why FROM judged j WHERE j.why IS NOT NULL AND insights_is_finished(j.day) ORDER BY j.day;
    PERFORM insights_scope(scope);
END $$;

-- Settle a finished day: write its partitions anew, sorted, or drop them where nothing is left in them. What comes back: the
-- rows of the day and `settled` or `dropped`. Errors: 55P03 somebody was always first; EB007 a dump is being made; EB500 cells and
-- rows disagree.
CREATE FUNCTION insights_settle(wanted date, OUT items bigint, OUT done text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    fits boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'days are settled at isolation level read committed alone' USING ERRCODE = 'EB403';
    END IF;
    IF to_regclass(insights_part('insights_segment', wanted)) IS NULL THEN
        RAISE EXCEPTION 'there is no partition of %', wanted USING ERRCODE = 'EB400';
    END IF;
    IF NOT insights_is_finished(wanted) THEN
        RAISE EXCEPTION 'day % has not ended everywhere for a day', wanted USING ERRCODE = 'EB400';
    END IF;
    PERFORM insights_refuse_dumped(), insights_lock_day(wanted);
    SELECT c.fits, c.items INTO fits, items FROM insights_copy(wanted, NULL, NULL) c;
    IF NOT fits THEN
        RAISE EXCEPTION 'the cells of % do not count what is there', wanted USING ERRCODE = 'EB500';
    END IF;
    FOR attempt IN 1 .. 20 LOOP
        BEGIN
            PERFORM insights_lock_parents();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 20 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05 * attempt); -- longer each time: those who queued come through first
    END LOOP;
    done := CASE WHEN items = 0 THEN 'dropped' ELSE 'settled' END;
    IF items = 0 THEN
        PERFORM insights_drop_copy(wanted);
        fits := insights_drop_day(wanted, NULL, false);
    ELSE
        fits := insights_exchange(wanted, NULL, items);
    END IF;
    IF NOT fits THEN
        RAISE EXCEPTION 'rows of % belong to an organization whose cells do not count them', wanted
            USING ERRCODE = 'EB500';
    END IF;
END $$;
