-- Take out what the index holds and should not: sets that count more than their cell or name something that is not in it, and words
-- of no set. The triggers leave none of it; who could write past them can. What is taken is then indexed like anything new.
CREATE FUNCTION media_mend_words() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
    DELETE FROM media_words w WHERE w.org_id = ebbtide_org() AND w.set_id NOT IN (
        SELECT s.id FROM media_wordset s WHERE s.org_id = ebbtide_org())
$$;
