-- Claims made ahead: of what comes next while a batch is in flight, and given back where nothing may go any more.

-- Decide on up to `most` objects of a part of the plan, oldest day first, and write that down: the intent. Objects that a
-- worker that died left claimed come again; those that could not be destroyed do not, until the next run; those in flight
-- (besides) never. `again`: some run had claimed it before.
CREATE FUNCTION runs_claim_objects(
    run bigint, first_day date, last_day date, slice integer, slices integer, most integer, besides bigint[]
) RETURNS TABLE (id bigint, key text, day date, again boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    this runs_run := runs_may_delete(run);
BEGIN
    RETURN QUERY
    WITH due AS (
        SELECT o.id, o.again FROM runs_planline l
        CROSS JOIN LATERAL unnest(l.queues, l.items) AS planned (queue_id, items)
        JOIN catalog_cell c ON (c.org_id, c.day, c.data_type) = (l.org_id, l.day, l.data_type)
            AND c.queue_id = planned.queue_id AND c.items <= planned.items
        CROSS JOIN LATERAL (
            SELECT m.id, m.claimed_by IS NOT NULL AS again FROM media_mediaobject m
            WHERE m.org_id = l.org_id AND m.kind = l.data_type AND m.day = l.day AND m.queue_id = planned.queue_id
                AND m.id % slices = slice AND m.id <> ALL (besides)
                AND (m.claimed_by IS DISTINCT FROM this.id OR m.left_as IS NULL)) o
        WHERE l.org_id = this.org_id AND l.plan_id = this.plan_id AND l.data_type <> 'insights'
            AND l.day BETWEEN first_day AND last_day
        ORDER BY l.day LIMIT most
    )
    UPDATE media_mediaobject m SET claimed_by = this.id, left_as = NULL, left_reason = ''
    FROM due WHERE m.org_id = this.org_id AND m.id = due.id
    RETURNING m.id, m.key, m.day, due.again;
END $$;

-- As it was called before; for workers that are still to be upgraded.
CREATE OR REPLACE FUNCTION runs_claim_objects(
    run bigint, first_day date, last_day date, slice integer, slices integer, most integer
) RETURNS TABLE (id bigint, key text, day date)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
    SELECT c.id, c.key, c.day FROM runs_claim_objects(run, first_day, last_day, slice, slices, most, '{}') c
$$;

-- Take back claims of a run on objects that nobody has touched since, so that they are served again. An object before its
-- purged line keeps its claim: a purged day must not become readable again. Needs no permission to delete.
CREATE FUNCTION runs_give_back(run bigint, ids bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    PERFORM runs_refuse_strangers(run);
    UPDATE media_mediaobject m SET claimed_by = NULL
    WHERE m.org_id = ebbtide_org() AND m.id = ANY (ids) AND m.claimed_by = run AND m.left_as IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM catalog_purgedline l
            WHERE (l.org_id, l.queue_id, l.data_type) = (m.org_id, m.queue_id, m.kind) AND m.day < l.before);
END $$;
