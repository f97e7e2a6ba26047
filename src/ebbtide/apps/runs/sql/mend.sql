-- Mending, for `ebbtide reconcile`. Neither function takes a number from its caller: one is told which cells and counts them
-- itself, the other which claims, and looks itself whether their run has ended. No row of data is deleted here.

-- Count cells again from rows and index rows, and write what was found; gives what each of them holds now (0: the cell is
-- gone). The cell's row lock comes first, as in every writer: an insert that has counted has then committed, one that has
-- not will wait and add to what is written here. A cell that is missing is made with a placeholder to have a row to lock.
-- That holds only where each statement sees what was committed before it, hence the check of the isolation level.
CREATE FUNCTION runs_mend_cells(days date[], kinds text[], queues integer[])
    RETURNS TABLE (day date, data_type text, queue_id integer, items bigint, bytes bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'cells are mended at isolation level read committed alone' USING ERRCODE = 'EB403';
    END IF;
    INSERT INTO catalog_cell AS c (org_id, day, data_type, queue_id, items, bytes)
    SELECT DISTINCT q.org_id, n.day, n.kind, q.id, 1, 0
    FROM unnest(days, kinds, queues) AS n (day, kind, queue)
    JOIN catalog_queue q ON q.org_id = ebbtide_org() AND q.id = n.queue
    ORDER BY n.day, n.kind, q.id -- the order in which the counting triggers lock
    ON CONFLICT (org_id, day, data_type, queue_id) DO UPDATE SET items = c.items;
    RETURN QUERY
    WITH named AS (
        SELECT DISTINCT n.day, n.kind, q.id AS queue
        FROM unnest(days, kinds, queues) AS n (day, kind, queue)
        JOIN catalog_queue q ON q.org_id = ebbtide_org() AND q.id = n.queue
    ), there AS (
        SELECT n.day, n.kind, n.queue, r.items, r.bytes FROM named n CROSS JOIN LATERAL (
            SELECT count(*) AS items, coalesce(sum(s.bytes), 0)::bigint AS bytes FROM insights_segment s
            WHERE s.org_id = ebbtide_org() AND s.day = n.day AND s.queue_id = n.queue) r
        WHERE n.kind = 'insights'
        UNION ALL
        SELECT n.day, n.kind, n.queue, r.items, r.bytes FROM named n CROSS JOIN LATERAL (
            SELECT count(*) AS items, coalesce(sum(m.bytes), 0)::bigint AS bytes FROM media_mediaobject m
            WHERE m.org_id = ebbtide_org() AND m.kind = n.kind AND m.day = n.day AND m.queue_id = n.queue) r
        WHERE n.kind <> 'insights'
    ), emptied AS (
        DELETE FROM catalog_cell c USING there t
        WHERE c.org_id = ebbtide_org() AND (c.day, c.data_type, c.queue_id) = (t.day, t.kind, t.queue) AND t.items = 0
    ), mended AS (
        UPDATE catalog_cell c SET items = t.items, bytes = t.bytes FROM there t
        WHERE c.org_id = ebbtide_org() AND (c.day, c.data_type, c.queue_id) = (t.day, t.kind, t.queue) AND t.items > 0
    )
    SELECT t.day, t.kind, t.queue, t.items, t.bytes FROM there t;
END $$;

-- Take back the claims of ended runs on these objects, so that they are served again; gives the ids released. An object
-- before its purged line keeps its claim: a purged day must not become readable again.
CREATE FUNCTION runs_release_claims(ids bigint[]) RETURNS SETOF bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE media_mediaobject m SET claimed_by = NULL, left_as = NULL, left_reason = ''
    FROM runs_run r
    WHERE m.org_id = ebbtide_org() AND m.id = ANY (ids)
        AND r.org_id = m.org_id AND r.id = m.claimed_by AND r.outcome IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM catalog_purgedline l
            WHERE (l.org_id, l.queue_id, l.data_type) = (m.org_id, m.queue_id, m.kind) AND m.day < l.before)
    RETURNING m.id
$$;
