-- Which words were said in which transcript: what the search of transcripts reads (docs/adr/0018-single-interactions.md).
--
-- A copy made of transcripts, so it lives and dies with their cell: whatever takes something out of a cell removes its words, in
-- the same transaction. A word is a number keyed with the organization's secret: the table names none.

-- Some transcripts of a cell, indexed together; a word's hits are places in `segments`.
CREATE TABLE media_wordset (
    org_id   integer NOT NULL,
    day      date NOT NULL,
    queue_id integer NOT NULL,
    id       bigint GENERATED ALWAYS AS IDENTITY,
    items    integer NOT NULL CHECK (items BETWEEN 1 AND 30000),
    objects  bigint[] NOT NULL CHECK (cardinality(objects) = items),
    segments uuid[] NOT NULL CHECK (cardinality(segments) = items),
    -- with the count, so that sets are held against their cells without being read
    PRIMARY KEY (org_id, day, queue_id, id) INCLUDE (items)
);
CREATE TABLE media_words (
    org_id integer NOT NULL,
    day    date NOT NULL,
    set_id bigint NOT NULL,
    number bigint NOT NULL,
    hits   smallint[] NOT NULL,
    PRIMARY KEY (org_id, set_id, number)
);
SELECT ebbtide_protect('media_wordset');
SELECT ebbtide_protect('media_words');
ALTER TABLE media_wordset ADD CONSTRAINT wordset_queue_of_org
    FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);
ALTER TABLE media_wordset ALTER COLUMN objects SET STATISTICS 0, ALTER COLUMN segments SET STATISTICS 0;
ALTER TABLE media_words ALTER COLUMN number SET STATISTICS 0, ALTER COLUMN hits SET STATISTICS 0;

CREATE FUNCTION media_forget_words(cell_day date, cell_queue integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM media_wordset s WHERE s.org_id = ebbtide_org() AND s.day = cell_day AND s.queue_id = cell_queue
        RETURNING s.org_id, s.id)
    DELETE FROM media_words w USING gone g WHERE w.org_id = g.org_id AND w.set_id = g.id
$$;

-- Write down the words of some transcripts of a cell. The cell is locked against whoever writes or purges there; if one of the
-- transcripts has gone meanwhile, or is indexed already, nothing is written. `anew`: in place of all sets of the cell.
CREATE FUNCTION media_add_words(
    cell_day date, cell_queue integer, those bigint[], of_segments uuid[], numbers bigint[], hits text[], anew boolean)
    RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    made bigint;
BEGIN
    PERFORM 1 FROM catalog_cell c
    WHERE (c.org_id, c.day, c.data_type, c.queue_id) = (ebbtide_org(), cell_day, 'transcript', cell_queue)
    FOR NO KEY UPDATE;
    IF NOT FOUND OR cardinality(those) <> (
        SELECT count(*) FROM media_mediaobject m WHERE m.org_id = ebbtide_org() AND m.id = ANY (those)
            AND m.kind = 'transcript' AND m.day = cell_day AND m.queue_id = cell_queue) THEN
        RETURN 0;
    END IF;
    IF anew THEN
        PERFORM media_forget_words(cell_day, cell_queue);
    ELSIF EXISTS (
        SELECT 1 FROM media_wordset s WHERE s.org_id = ebbtide_org() AND s.day = cell_day AND s.queue_id = cell_queue
            AND s.objects && those) THEN
        RETURN 0;
    END IF;
    INSERT INTO media_wordset (org_id, day, queue_id, items, objects, segments)
    VALUES (ebbtide_org(), cell_day, cell_queue, cardinality(those), those, of_segments) RETURNING id INTO made;
    INSERT INTO media_words (org_id, day, set_id, number, hits)
    SELECT ebbtide_org(), cell_day, made, w.number, w.hits::smallint[] FROM unnest(numbers, hits) AS w (number, hits)
    ORDER BY w.number;
    RETURN cardinality(those);
END $$;

-- A cell that loses something takes its words along, whoever changed it; what comes in is indexed beside what is there.
CREATE FUNCTION media_drop_words() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        WITH gone AS (
            DELETE FROM media_wordset s USING removed r
            WHERE r.data_type = 'transcript' AND (s.org_id, s.day, s.queue_id) = (r.org_id, r.day, r.queue_id)
            RETURNING s.org_id, s.id)
        DELETE FROM media_words w USING gone g WHERE w.org_id = g.org_id AND w.set_id = g.id;
    ELSE
        WITH gone AS (
            DELETE FROM media_wordset s USING removed r, added a
            WHERE r.data_type = 'transcript' AND (a.items < r.items OR a.bytes < r.bytes)
                AND (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
                AND (s.org_id, s.day, s.queue_id) = (r.org_id, r.day, r.queue_id)
            RETURNING s.org_id, s.id)
        DELETE FROM media_words w USING gone g WHERE w.org_id = g.org_id AND w.set_id = g.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER words_changed AFTER UPDATE ON catalog_cell REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION media_drop_words();
CREATE TRIGGER words_removed AFTER DELETE ON catalog_cell REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION media_drop_words();
