-- An archive is a store of the cells in it (docs/adr/0019-exports.md).
--
-- Which cells these are is committed before the first of their bytes is read, under a lock that whoever purges or claims meets
-- too: a purge that was first is seen, and one that comes later sees this. Whatever takes a cell then condemns the archives that
-- hold it, in the same transaction; nothing of that can be forgotten by a writer, because it hangs on the tables.

SELECT ebbtide_protect('exports_export');
SELECT ebbtide_protect('exports_taken');
CREATE POLICY platform ON exports_export FOR SELECT USING (ebbtide_is_platform()); -- heads, for the worker; never cells
ALTER TABLE exports_export ADD CONSTRAINT export_of_org UNIQUE (org_id, id);
ALTER TABLE exports_taken ADD CONSTRAINT taken_export_of_org
    FOREIGN KEY (org_id, export_id) REFERENCES exports_export (org_id, id);

-- What was condemned while it could be had stays condemned, and an archive that is gone does not come back.
CREATE FUNCTION exports_stays_condemned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ready_at IS NOT NULL AND OLD.condemned_at IS NOT NULL AND NEW.condemned_at IS NULL
            OR OLD.gone_at IS NOT NULL AND (NEW.gone_at IS NULL OR NEW.key <> '')
            OR NEW.ready_at IS NOT NULL AND OLD.ready_at IS NULL AND NEW.condemned_at IS NOT NULL THEN
        RAISE EXCEPTION 'export % is condemned, and stays so', OLD.id USING ERRCODE = 'EB403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stays_condemned BEFORE UPDATE ON exports_export FOR EACH ROW EXECUTE FUNCTION exports_stays_condemned();

-- Begin an attempt under a key of its own. What an earlier one wrote has been seen gone before: its cells are let go here.
-- False where the export is not open any more.
CREATE FUNCTION exports_begin(export bigint, new_key text, began timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM exports_taken t WHERE t.org_id = ebbtide_org() AND t.export_id = export
        AND EXISTS (SELECT 1 FROM exports_export e WHERE e.org_id = t.org_id AND e.id = export AND e.ready_at IS NULL);
    UPDATE exports_export e SET key = new_key, attempts = e.attempts + 1, begun_at = began, retry_at = NULL, reason = '',
        condemned_at = NULL, condemned_why = '', condemned_run = NULL,
        cells = 0, items = 0, bytes = 0, items_done = 0, bytes_done = 0, files = 0, size_checked = NULL
    WHERE e.org_id = ebbtide_org() AND e.id = export
        AND e.ready_at IS NULL AND e.failed_at IS NULL AND e.cancelled_at IS NULL AND e.gone_at IS NULL;
    RETURN FOUND;
END $$;

-- Take the cells of a day and type into an export: what of them goes into the archive is written down here, before it is read.
-- `why` says of the others why they do not: `purging` (a run has decided on some of it) or `purged` (they lie before the line).
-- In the order in which a run closes objects: theirs first, then the cells. Objects that were claimed meanwhile are seen claimed.
CREATE FUNCTION exports_take(export bigint, wanted date, kind text)
    RETURNS TABLE (queue integer, items bigint, bytes bigint, why text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '10s' AS $$
#variable_conflict use_column
DECLARE
    this exports_export;
BEGIN
    SELECT * INTO this FROM exports_export e WHERE e.org_id = ebbtide_org() AND e.id = export
        AND e.ready_at IS NULL AND e.failed_at IS NULL AND e.cancelled_at IS NULL AND e.condemned_at IS NULL;
    IF this.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM media_mediaobject m
    WHERE m.org_id = this.org_id AND m.kind = exports_take.kind AND m.day = wanted AND m.queue_id = ANY (this.queues)
    ORDER BY m.id FOR SHARE;
    PERFORM 1 FROM catalog_cell c
    WHERE c.org_id = this.org_id AND c.day = wanted AND c.data_type = exports_take.kind AND c.queue_id = ANY (this.queues)
    ORDER BY c.queue_id FOR SHARE;
    RETURN QUERY
    WITH found AS (
        SELECT c.queue_id, c.items, c.bytes, CASE
            WHEN EXISTS (SELECT 1 FROM catalog_purgedline l
                         WHERE (l.org_id, l.queue_id, l.data_type) = (c.org_id, c.queue_id, c.data_type) AND wanted < l.before)
                THEN 'purged'
            WHEN EXISTS (SELECT 1 FROM media_mediaobject m
                         WHERE m.org_id = c.org_id AND m.kind = c.data_type AND m.day = c.day AND m.queue_id = c.queue_id
                             AND m.claimed_by IS NOT NULL) THEN 'purging'
            ELSE '' END AS why
        FROM catalog_cell c
        WHERE c.org_id = this.org_id AND c.day = wanted AND c.data_type = exports_take.kind AND c.queue_id = ANY (this.queues)
    ), kept AS (
        INSERT INTO exports_taken (org_id, export_id, day, data_type, queues, items, bytes)
        SELECT this.org_id, this.id, wanted, exports_take.kind, array_agg(f.queue_id ORDER BY f.queue_id),
            array_agg(f.items ORDER BY f.queue_id), array_agg(f.bytes ORDER BY f.queue_id)
        FROM found f WHERE f.why = '' HAVING count(*) > 0
    )
    SELECT f.queue_id, f.items, f.bytes, f.why FROM found f ORDER BY f.queue_id;
END $$;

-- Write down that nothing of an export's archive is in the store any more.
CREATE FUNCTION exports_close(export bigint, seen_at timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE exports_export e SET gone_at = seen_at, key = ''
    WHERE e.org_id = ebbtide_org() AND e.id = export AND e.gone_at IS NULL
        AND (e.failed_at IS NOT NULL OR e.cancelled_at IS NOT NULL OR (e.ready_at IS NOT NULL AND e.condemned_at IS NOT NULL));
    IF FOUND THEN
        DELETE FROM exports_taken t WHERE t.org_id = ebbtide_org() AND t.export_id = export;
    END IF;
END $$;

-- A cell that goes, or of which something goes, condemns the archives that hold it; so does the claim on one of its objects, which
-- is the decision to destroy it. What is being made is condemned too: it is thrown away and begun anew without that cell.
CREATE FUNCTION exports_condemn() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held bigint[];
    run bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM exports_taken t WHERE t.org_id = ebbtide_org()) THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_NAME = 'media_mediaobject' THEN
        SELECT array_agg(DISTINCT t.export_id), max(a.claimed_by) INTO held, run
        FROM added a JOIN removed r ON r.id = a.id
        JOIN exports_taken t ON (t.org_id, t.day, t.data_type) = (a.org_id, a.day, a.kind) AND a.queue_id = ANY (t.queues)
        WHERE a.claimed_by IS NOT NULL AND r.claimed_by IS DISTINCT FROM a.claimed_by;
    ELSE
        IF TG_OP = 'DELETE' THEN
            SELECT array_agg(DISTINCT t.export_id) INTO held FROM removed r
            JOIN exports_taken t ON (t.org_id, t.day, t.data_type) = (r.org_id, r.day, r.data_type)
                AND r.queue_id = ANY (t.queues);
        ELSE
            SELECT array_agg(DISTINCT t.export_id) INTO held FROM removed r
            JOIN added a ON (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
            JOIN exports_taken t ON (t.org_id, t.day, t.data_type) = (r.org_id, r.day, r.data_type)
                AND r.queue_id = ANY (t.queues)
            WHERE a.items < r.items;
        END IF;
        IF held IS NOT NULL THEN
            SELECT max(g.id) INTO run FROM runs_run g
            WHERE g.org_id = ebbtide_org() AND g.mode = 'live' AND g.outcome IS NULL;
        END IF;
    END IF;
    IF held IS NOT NULL THEN
        UPDATE exports_export e SET condemned_at = now(), condemned_run = run,
            condemned_why = CASE WHEN run IS NULL THEN 'changed' ELSE 'purged' END
        WHERE e.org_id = ebbtide_org() AND e.id = ANY (held) AND e.condemned_at IS NULL AND e.gone_at IS NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exports_changed AFTER UPDATE ON catalog_cell REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION exports_condemn();
CREATE TRIGGER exports_removed AFTER DELETE ON catalog_cell REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION exports_condemn();
CREATE TRIGGER exports_claimed AFTER UPDATE ON media_mediaobject REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION exports_condemn();
