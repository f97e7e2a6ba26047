-- Cells: counted in the transaction that writes or deletes the rows, by triggers, so that no writer can forget them.

SELECT ebbtide_protect('catalog_queue');
SELECT ebbtide_protect('catalog_cell');
SELECT ebbtide_protect('catalog_purgedline');

ALTER TABLE catalog_queue ADD CONSTRAINT queue_of_org UNIQUE (org_id, id);
ALTER TABLE catalog_cell ADD CONSTRAINT cell_queue_of_org
    FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);
ALTER TABLE catalog_cell ADD CONSTRAINT cell_data_type
    CHECK (data_type IN ('insights', 'audio', 'transcript', 'desktop'));
ALTER TABLE catalog_purgedline ADD CONSTRAINT line_queue_of_org
    FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);

-- Statement trigger of every table that holds items. Argument 0: the SQL expression that gives a row's data type.
-- The cell's row lock is what ingest and purge meet at: whoever comes second sees what the first has done. So the check for
-- late data comes after the upsert, in a statement of its own with a snapshot of its own.
CREATE FUNCTION catalog_count() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    written catalog_cell[];
    late record;
    moved boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN -- claims and reasons are written on rows where they stand: nothing to count, nothing is late
        EXECUTE format($sql$
            SELECT EXISTS (
                SELECT 1 FROM (
                    SELECT org_id, queue_id, day, %1$s AS data_type, 1 AS items, bytes FROM added
                    UNION ALL SELECT org_id, queue_id, day, %1$s, -1, -bytes FROM removed) change
                GROUP BY org_id, queue_id, day, data_type HAVING sum(items) <> 0 OR sum(bytes) <> 0) $sql$, TG_ARGV[0])
            INTO moved;
        IF NOT moved THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        EXECUTE format($sql$
            SELECT count(*) FROM (
                SELECT 1 FROM catalog_cell c
                JOIN (SELECT DISTINCT org_id, queue_id, day, %1$s AS data_type FROM removed) r
                    USING (org_id, queue_id, day, data_type)
                ORDER BY c.day, c.data_type, c.queue_id FOR UPDATE OF c) locked $sql$, TG_ARGV[0]);
        EXECUTE format($sql$
            SELECT g.* FROM (
                SELECT org_id, queue_id, day, %1$s AS data_type, count(*) AS items FROM removed GROUP BY 1, 2, 3, 4) g
            LEFT JOIN catalog_cell c USING (org_id, queue_id, day, data_type)
            WHERE c.items IS NULL OR c.items < g.items LIMIT 1 $sql$, TG_ARGV[0]) INTO late;
        IF late.day IS NOT NULL THEN
            RAISE EXCEPTION 'the cell of queue % on % (%) counts fewer than were there',
                late.queue_id, late.day, late.data_type USING ERRCODE = 'EB500';
        END IF;
        EXECUTE format($sql$
            WITH gone AS (
                SELECT org_id, queue_id, day, %1$s AS data_type, count(*) AS items, sum(bytes) AS bytes
                FROM removed GROUP BY 1, 2, 3, 4
            ), emptied AS (
                DELETE FROM catalog_cell c USING gone g
                WHERE (c.org_id, c.queue_id, c.day, c.data_type) = (g.org_id, g.queue_id, g.day, g.data_type)
                    AND c.items = g.items
            )
            UPDATE catalog_cell c SET items = c.items - g.items, bytes = c.bytes - g.bytes FROM gone g
            WHERE (c.org_id, c.queue_id, c.day, c.data_type) = (g.org_id, g.queue_id, g.day, g.data_type)
                AND c.items <> g.items $sql$, TG_ARGV[0]);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE format($sql$
            WITH counted AS (
                INSERT INTO catalog_cell AS c (org_id, queue_id, day, data_type, items, bytes)
                SELECT org_id, queue_id, day, %1$s, count(*), sum(bytes) FROM added GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4, 2
                ON CONFLICT (org_id, day, data_type, queue_id)
                    DO UPDATE SET items = c.items + excluded.items, bytes = c.bytes + excluded.bytes
                RETURNING c AS cell)
            SELECT array_agg(cell) FROM counted $sql$, TG_ARGV[0]) INTO written;
        SELECT w.* INTO late FROM unnest(written) AS w
        JOIN catalog_purgedline l USING (org_id, queue_id, data_type) WHERE w.day < l.before LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'day % of queue % is purged (%): its data is late and stays out',
                late.day, late.queue_id, late.data_type USING ERRCODE = 'EB409';
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION catalog_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is never truncated: cells would not be counted', TG_TABLE_NAME USING ERRCODE = 'EB403';
END $$;

CREATE PROCEDURE catalog_keep_count(target regclass, data_type text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER count_added AFTER INSERT ON %s REFERENCING NEW TABLE AS added '
        'FOR EACH STATEMENT EXECUTE FUNCTION catalog_count(%L)', target, data_type);
    EXECUTE format('CREATE TRIGGER count_changed AFTER UPDATE ON %s REFERENCING OLD TABLE AS removed NEW TABLE AS added '
        'FOR EACH STATEMENT EXECUTE FUNCTION catalog_count(%L)', target, data_type);
    EXECUTE format('CREATE TRIGGER count_removed AFTER DELETE ON %s REFERENCING OLD TABLE AS removed '
        'FOR EACH STATEMENT EXECUTE FUNCTION catalog_count(%L)', target, data_type);
    EXECUTE format('CREATE TRIGGER never_truncate BEFORE TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION catalog_refuse_truncate()', target);
END $$;

-- Draw the purged line of a (queue, data type) further; it never moves back.
CREATE FUNCTION catalog_draw_line(org integer, queue integer, kind text, day date) RETURNS void
    LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO catalog_purgedline AS l (org_id, queue_id, data_type, before) VALUES (org, queue, kind, day + 1)
    ON CONFLICT (org_id, queue_id, data_type) DO UPDATE SET before = excluded.before WHERE l.before < excluded.before
$$;
