-- The index of words in pieces, so that what deletions leave in its files can be got rid of a piece at a time: a piece is written
-- anew as a finished day is (insights/sql/settle.sql), with the same guards. Rows go to pieces by their day, so that a night,
-- which takes a day or two of each job, wears out a piece or two, whoever's they are.
--
-- 32 of them: each is three hundredths of the index, which is what is copied, and what is closed to writers meanwhile; twice as many
-- would halve that, and double what a statement without a day (one organization's whole index) has to open.
--
-- `media_wordset` stays one table: it has no numbers of words. Its dead rows tell which segments lay together, by ids that stay in the
-- register of segments in any case.

ALTER TABLE media_words RENAME TO media_words_old;
ALTER INDEX media_words_pkey RENAME TO media_words_old_pkey;
CREATE TABLE media_words (
    org_id integer NOT NULL,
    day    date NOT NULL,
    set_id bigint NOT NULL,
    number bigint NOT NULL,
    hits   smallint[] NOT NULL,
    PRIMARY KEY (org_id, day, set_id, number)
) PARTITION BY HASH (day);
-- A set has 1,000 transcripts at most, so a row fits its page: nothing is put aside, where it would have to be written anew as well.
ALTER TABLE media_words ALTER COLUMN hits SET STORAGE PLAIN;

CREATE FUNCTION media_piece(piece integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'media_words_' || lpad(piece::text, 2, '0')
$$;
-- In which piece the words of a day are.
CREATE FUNCTION media_piece_of(wanted date) RETURNS smallint LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT n::smallint FROM generate_series(0, 31) n WHERE satisfies_hash_partition('media_words'::regclass, 32, n, wanted)
$$;
-- Guard a piece as its parent is guarded, and as a day's partition is.
CREATE FUNCTION media_guard_piece(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ebbtide_protect(part), insights_policies(part);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN number SET STATISTICS 0, ALTER COLUMN hits SET STATISTICS 0', part);
END $$;

DO $$
BEGIN
    FOR piece IN 0 .. 31 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF media_words FOR VALUES WITH (MODULUS 32, REMAINDER %s)',
            media_piece(piece), piece);
    END LOOP;
END $$;
ALTER TABLE media_words_old NO FORCE ROW LEVEL SECURITY; -- all organizations' rows; the table goes
INSERT INTO media_words (org_id, day, set_id, number, hits)
SELECT o.org_id, o.day, o.set_id, o.number, o.hits FROM media_words_old o ORDER BY o.org_id, o.day, o.set_id, o.number;
DROP TABLE media_words_old;
SELECT ebbtide_protect('media_words');
GRANT SELECT ON media_words TO ebbtide_web, ebbtide_sweep; -- as before, for who searches while this is applied
ALTER TABLE ONLY media_words ALTER COLUMN number SET STATISTICS 0, ALTER COLUMN hits SET STATISTICS 0;
DO $$
BEGIN
    FOR piece IN 0 .. 31 LOOP
        PERFORM media_guard_piece(media_piece(piece)::regclass);
    END LOOP;
END $$;

-- Which pieces want to be written anew: an entry is appended in the transaction in which a cell loses transcripts. Appended and never
-- left away because one is there, or it could be the one that whoever writes the piece anew is just taking. They tell of no
-- organization and of nobody.
CREATE TABLE media_residue (
    piece smallint NOT NULL CHECK (piece BETWEEN 0 AND 31),
    at    timestamptz NOT NULL DEFAULT now()
);
-- When a piece was written anew, so that none is twice within 20 hours.
CREATE TABLE media_piecewritten (
    piece      smallint PRIMARY KEY CHECK (piece BETWEEN 0 AND 31),
    written_at timestamptz NOT NULL
);

-- A statement about words names its day as a constant: planned with a variable it would lock all pieces, and wait for whoever
-- writes one of them anew.
CREATE OR REPLACE FUNCTION media_forget_words(cell_day date, cell_queue integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sets bigint[];
BEGIN
    WITH gone AS (
        DELETE FROM media_wordset s WHERE s.org_id = ebbtide_org() AND s.day = cell_day AND s.queue_id = cell_queue
        RETURNING s.id)
    SELECT array_agg(g.id) INTO sets FROM gone g;
    EXECUTE format('DELETE FROM media_words w WHERE w.org_id = $1 AND w.day = %L AND w.set_id = ANY ($2)', cell_day)
        USING ebbtide_org(), sets;
END $$;

-- As before; and whether or not a cell that loses something had words: its piece is noted. Writing them may have been broken off, and
-- that leaves rows in the files too.
CREATE OR REPLACE FUNCTION media_drop_words() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lost catalog_cell[];
    lot record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        SELECT array_agg(ROW(r.*)::catalog_cell) INTO lost FROM removed r WHERE r.data_type = 'transcript';
    ELSE
        SELECT array_agg(ROW(r.*)::catalog_cell) INTO lost
        FROM removed r JOIN added a USING (org_id, day, data_type, queue_id)
        WHERE r.data_type = 'transcript' AND (a.items < r.items OR a.bytes < r.bytes);
    END IF;
    IF lost IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO media_residue (piece) SELECT DISTINCT media_piece_of(d.day) FROM (SELECT DISTINCT l.day FROM unnest(lost) l) d;
    FOR lot IN
        WITH gone AS (
            DELETE FROM media_wordset s USING unnest(lost) l WHERE (s.org_id, s.day, s.queue_id) = (l.org_id, l.day, l.queue_id)
            RETURNING s.org_id, s.day, s.id)
        SELECT g.org_id, g.day, array_agg(g.id) AS sets FROM gone g GROUP BY 1, 2 ORDER BY 2
    LOOP
        EXECUTE format('DELETE FROM media_words w WHERE w.org_id = $1 AND w.day = %L AND w.set_id = ANY ($2)', lot.day)
            USING lot.org_id, lot.sets;
    END LOOP;
    RETURN NULL;
END $$;

-- Take out what the index holds and should not: sets that count more than their cell or name something that is not in it, and words
-- of no set. The triggers leave none of it; who could write past them can. What is taken is then indexed like anything new.
-- Somebody writes a piece anew for longer than that: error 55P03.
CREATE FUNCTION media_mend_words() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
    WITH many AS (
        SELECT s.day, s.queue_id FROM media_wordset s WHERE s.org_id = ebbtide_org() GROUP BY 1, 2
        HAVING sum(s.items) > coalesce((
            SELECT c.items FROM catalog_cell c
            WHERE (c.org_id, c.day, c.data_type, c.queue_id) = (ebbtide_org(), s.day, 'transcript', s.queue_id)), 0)
    )
    DELETE FROM media_wordset s WHERE s.org_id = ebbtide_org() AND (
        (s.day, s.queue_id) IN (SELECT m.day, m.queue_id FROM many m)
        OR EXISTS (
            SELECT 1 FROM unnest(s.objects, s.segments) AS n (object, segment)
            WHERE NOT EXISTS (
                SELECT 1 FROM media_mediaobject m
                WHERE m.id = n.object AND (m.org_id, m.kind, m.day, m.queue_id, m.segment_id)
                    = (s.org_id, 'transcript', s.day, s.queue_id, n.segment))));
    WITH gone AS (
        DELETE FROM media_words w WHERE w.org_id = ebbtide_org() AND (w.day, w.set_id) NOT IN (
            SELECT s.day, s.id FROM media_wordset s WHERE s.org_id = ebbtide_org())
        RETURNING w.day)
    INSERT INTO media_residue (piece) SELECT DISTINCT media_piece_of(d.day) FROM (SELECT DISTINCT g.day FROM gone g) d
$$;

-- Keep writers of a piece out, and let its readers through. Error 55P03: somebody writes there for longer than that.
CREATE FUNCTION media_lock_piece(part text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', part);
END $$;
-- Stop everybody, for an exchange that takes milliseconds, as for days: asked for a tenth of a second. Error 55P03: not given.
CREATE FUNCTION media_lock_words() RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM insights_refuse_dumped();
    LOCK TABLE ONLY media_words IN ACCESS EXCLUSIVE MODE; -- who reads a piece came through it
END $$;

-- Make a sorted copy of a piece aside; gives how many rows it has. The constraint spares looking at each of them again when it is
-- put in its place.
CREATE FUNCTION media_copy_piece(piece integer) RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp SET work_mem = '64MB' SET maintenance_work_mem = '128MB' AS $$
DECLARE
    part text := media_piece(piece);
    copied bigint;
    scope text := insights_scope('on');
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE media_words INCLUDING STORAGE, CONSTRAINT of_piece CHECK '
        '(satisfies_hash_partition(%L::oid, 32, %s, day)))', part || '_new', 'media_words'::regclass::oid, piece);
    EXECUTE format('INSERT INTO %I (org_id, day, set_id, number, hits) SELECT p.org_id, p.day, p.set_id, p.number, p.hits '
        'FROM %I p ORDER BY p.org_id, p.day, p.set_id, p.number', part || '_new', part);
    GET DIAGNOSTICS copied = ROW_COUNT;
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I PRIMARY KEY (org_id, day, set_id, number)',
        part || '_new', part || '_new_pkey');
    PERFORM insights_scope(scope);
    RETURN copied;
END $$;

-- Put the copy of a piece in its place. Expects the parent to be locked. False: an organization has rows there and none in the copy;
-- nothing is exchanged then.
CREATE FUNCTION media_exchange_piece(piece integer) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    part text := media_piece(piece);
BEGIN
    IF NOT insights_owners(part) <@ insights_owners(part || '_new') THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', part);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', part || '_new', part);
    EXECUTE format('ALTER INDEX %I RENAME TO %I', part || '_new_pkey', part || '_pkey');
    PERFORM media_guard_piece(part::regclass);
    EXECUTE format('ALTER TABLE media_words ATTACH PARTITION %I FOR VALUES WITH (MODULUS 32, REMAINDER %s)', part, piece);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_piece', part);
    RETURN true;
END $$;

-- Write a piece anew, sorted and without what deletions left in its files; gives how many rows it has. Errors: 55P03 somebody was
-- always first; EB007 a dump is being made; EB500 an organization's rows would have been left behind.
CREATE FUNCTION media_write_anew(wanted integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    copied bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'pieces are written anew at isolation level read committed alone' USING ERRCODE = 'EB403';
    END IF;
    PERFORM insights_refuse_dumped(), media_lock_piece(media_piece(wanted));
    copied := media_copy_piece(wanted);
    FOR attempt IN 1 .. 20 LOOP
        BEGIN
            PERFORM media_lock_words();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 20 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05 * attempt); -- longer each time: those who queued come through first
    END LOOP;
    IF NOT media_exchange_piece(wanted) THEN
        RAISE EXCEPTION 'words of piece % belong to an organization whose are not in the copy', wanted USING ERRCODE = 'EB500';
    END IF;
    DELETE FROM media_residue r WHERE r.piece = wanted;
    INSERT INTO media_piecewritten AS p (piece, written_at) VALUES (wanted, now())
    ON CONFLICT (piece) DO UPDATE SET written_at = excluded.written_at;
    RETURN copied;
END $$;
