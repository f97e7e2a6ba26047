-- The cells' journal: every change of every cell, signed, with its moment, written by the database itself in the transaction
-- that changes the cell. With it the state of all cells at any moment since the last fold is exact: cells now, less what was
-- written since. The nightly metering folds it into its books and takes out what it has folded (apps/billing/sql).

CREATE TABLE catalog_cellchange (
    org_id    integer NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(), -- the transaction's, as in the book
    id        bigint GENERATED ALWAYS AS IDENTITY,
    day       date NOT NULL,
    data_type text NOT NULL,
    queue_id  integer NOT NULL,
    items     bigint NOT NULL,
    bytes     bigint NOT NULL,
    PRIMARY KEY (org_id, at, id)
);
SELECT ebbtide_protect('catalog_cellchange');
CREATE POLICY platform ON catalog_cellchange FOR SELECT USING (ebbtide_is_platform()); -- numbers alone; nothing personal

-- On the cells and not on the data tables, so that whoever writes cells (ingest, purge, mending) cannot forget it. A plain
-- INSERT: nothing is waited for, whoever writes beside. With the rights of whoever writes: all ways in which the product
-- writes cells are functions of the owner.
CREATE FUNCTION catalog_write_journal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
        SELECT a.org_id, a.day, a.data_type, a.queue_id, a.items, a.bytes FROM added a;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
        SELECT a.org_id, a.day, a.data_type, a.queue_id, a.items - r.items, a.bytes - r.bytes
        FROM added a JOIN removed r USING (org_id, day, data_type, queue_id)
        WHERE a.items <> r.items OR a.bytes <> r.bytes;
    ELSE
        INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
        SELECT r.org_id, r.day, r.data_type, r.queue_id, -r.items, -r.bytes FROM removed r;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_added AFTER INSERT ON catalog_cell REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_write_journal();
CREATE TRIGGER journal_changed AFTER UPDATE ON catalog_cell REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_write_journal();
CREATE TRIGGER journal_removed AFTER DELETE ON catalog_cell REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_write_journal();
-- A cell stays the cell it is: its key is never changed, or the journal would lose it.
CREATE FUNCTION catalog_refuse_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a cell never becomes another one' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER same_key BEFORE UPDATE OF org_id, day, data_type, queue_id ON catalog_cell
    FOR EACH ROW WHEN ((OLD.org_id, OLD.day, OLD.data_type, OLD.queue_id)
        IS DISTINCT FROM (NEW.org_id, NEW.day, NEW.data_type, NEW.queue_id)) EXECUTE FUNCTION catalog_refuse_new_key();

-- What is there when the journal begins counts as arrived at that moment.
DO $$
DECLARE
    org integer;
BEGIN
    PERFORM set_config('ebbtide.platform', 'on', true);
    FOR org IN SELECT o.id FROM orgs_organization o LOOP
        PERFORM set_config('ebbtide.org', org::text, true);
        INSERT INTO catalog_cellchange (org_id, day, data_type, queue_id, items, bytes)
        SELECT c.org_id, c.day, c.data_type, c.queue_id, c.items, c.bytes FROM catalog_cell c WHERE c.org_id = org;
    END LOOP;
    PERFORM set_config('ebbtide.org', '', true), set_config('ebbtide.platform', '', true);
END $$;
