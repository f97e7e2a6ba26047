-- The tally: what an organization holds of each data type and day, whatever the Q, as signed entries that add up to it. A page that
-- tells how old everything is adds up some thousands of these instead of each cell of each Q.
--
-- Entries are appended in the transaction that changes the cells, so that they add up to the cells in every snapshot, and nobody
-- who writes meets anybody: no row is ever changed. Many entries become few again when they are counted anew.

CREATE TABLE catalog_tally (
    org_id    integer NOT NULL,
    data_type text NOT NULL,
    day       date NOT NULL,
    id        bigint GENERATED ALWAYS AS IDENTITY,
    items     bigint NOT NULL,
    bytes     bigint NOT NULL,
    PRIMARY KEY (org_id, data_type, day, id) INCLUDE (items, bytes)
);
SELECT ebbtide_protect('catalog_tally');

-- As before, and what is written into the journal goes into the tally in the same statement: neither can forget what the other has.
CREATE OR REPLACE FUNCTION catalog_write_journal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        WITH written AS (
            INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
            SELECT a.org_id, a.day, a.data_type, a.queue_id, a.items, a.bytes FROM added a
            RETURNING org_id, data_type, day, items, bytes)
        INSERT INTO catalog_tally (org_id, data_type, day, items, bytes)
        SELECT w.org_id, w.data_type, w.day, sum(w.items), sum(w.bytes) FROM written w GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'UPDATE' THEN
        WITH written AS (
            INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
            SELECT a.org_id, a.day, a.data_type, a.queue_id, a.items - r.items, a.bytes - r.bytes
            FROM added a JOIN removed r USING (org_id, day, data_type, queue_id)
            WHERE a.items <> r.items OR a.bytes <> r.bytes
            RETURNING org_id, data_type, day, items, bytes)
        INSERT INTO catalog_tally (org_id, data_type, day, items, bytes)
        SELECT w.org_id, w.data_type, w.day, sum(w.items), sum(w.bytes) FROM written w GROUP BY 1, 2, 3;
    ELSE
        WITH written AS (
            INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
            SELECT r.org_id, r.day, r.data_type, r.queue_id, -r.items, -r.bytes FROM removed r
            RETURNING org_id, data_type, day, items, bytes)
        INSERT INTO catalog_tally (org_id, data_type, day, items, bytes)
        SELECT w.org_id, w.data_type, w.day, sum(w.items), sum(w.bytes) FROM written w GROUP BY 1, 2, 3;
    END IF;
    RETURN NULL;
END $$;

-- Put one entry for each data type and day in the place of all that are there, made from the cells: one statement, one snapshot. What
-- others write meanwhile has an entry of its own, which this one does not see and does not take. Gives how many entries there are then.
CREATE FUNCTION catalog_recount() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    entries bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7107, ebbtide_org()); -- two at once would both put theirs in the place of the same
    WITH gone AS (
        DELETE FROM catalog_tally t WHERE t.org_id = ebbtide_org()
    ), counted AS (
        INSERT INTO catalog_tally (org_id, data_type, day, items, bytes)
        SELECT c.org_id, c.data_type, c.day, sum(c.items), sum(c.bytes) FROM catalog_cell c WHERE c.org_id = ebbtide_org()
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        RETURNING 1
    )
    SELECT count(*) INTO entries FROM counted;
    RETURN entries;
END $$;

-- What is there already.
DO $$
DECLARE
    org integer;
BEGIN
    PERFORM set_config('ebbtide.platform', 'on', true);
    FOR org IN SELECT o.id FROM orgs_organization o LOOP
        PERFORM set_config('ebbtide.org', org::text, true);
        PERFORM catalog_recount();
    END LOOP;
    PERFORM set_config('ebbtide.org', '', true), set_config('ebbtide.platform', '', true);
END $$;
