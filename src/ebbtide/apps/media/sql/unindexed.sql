-- Which cells may have transcripts whose words are not indexed: what the worker asks every few minutes, of all organizations at once.
--
-- An entry is appended in the transaction that changes a cell, and taken when the cell's sets count what the cell counts, both as
-- one snapshot shows them. So whoever sees the one sees the other: nothing is forgotten, whoever writes beside and whatever a pass
-- was kept from. Never one row for a cell that is changed or left alone as needed: a change that finds its entry there may
-- be the one that a pass, which does not see the change, is just taking.

CREATE TABLE media_unindexed (
    org_id   integer NOT NULL,
    day      date NOT NULL,
    queue_id integer NOT NULL,
    id       bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (org_id, day, queue_id, id)
);
SELECT ebbtide_protect('media_unindexed');
CREATE POLICY platform ON media_unindexed FOR SELECT USING (ebbtide_is_platform()); -- days and numbers; nothing personal

-- Cells that go need no entry: their words go with them. With the rights of whoever writes, as the cells' journal is.
CREATE FUNCTION media_note_unindexed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO media_unindexed (org_id, day, queue_id)
        SELECT a.org_id, a.day, a.queue_id FROM added a WHERE a.data_type = 'transcript';
    ELSE
        INSERT INTO media_unindexed (org_id, day, queue_id)
        SELECT a.org_id, a.day, a.queue_id FROM added a JOIN removed r USING (org_id, day, data_type, queue_id)
        WHERE a.data_type = 'transcript' AND (a.items, a.bytes) <> (r.items, r.bytes);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER unindexed_added AFTER INSERT ON catalog_cell REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION media_note_unindexed();
CREATE TRIGGER unindexed_changed AFTER UPDATE ON catalog_cell REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION media_note_unindexed();

-- Take the entries of cells that are indexed, or gone.
CREATE FUNCTION media_note_indexed() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM media_unindexed u WHERE u.org_id = ebbtide_org() AND (
        SELECT c.items FROM catalog_cell c
        WHERE (c.org_id, c.day, c.data_type, c.queue_id) = (u.org_id, u.day, 'transcript', u.queue_id)
    ) IS NOT DISTINCT FROM (
        SELECT sum(s.items) FROM media_wordset s WHERE (s.org_id, s.day, s.queue_id) = (u.org_id, u.day, u.queue_id))
$$;

-- What is there already.
DO $$
DECLARE
    org integer;
BEGIN
    PERFORM set_config('ebbtide.platform', 'on', true);
    FOR org IN SELECT o.id FROM orgs_organization o LOOP
        PERFORM set_config('ebbtide.org', org::text, true);
        INSERT INTO media_unindexed (org_id, day, queue_id)
        SELECT c.org_id, c.day, c.queue_id FROM catalog_cell c WHERE c.org_id = org AND c.data_type = 'transcript';
        PERFORM media_note_indexed();
    END LOOP;
    PERFORM set_config('ebbtide.org', '', true), set_config('ebbtide.platform', '', true);
END $$;
