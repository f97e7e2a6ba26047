-- Objects belong to a segment: none may come for a (queue, day) whose report rows are not there (any more).

SELECT ebbtide_protect('media_mediaobject');
SELECT ebbtide_protect('media_upload');
ALTER TABLE media_mediaobject ADD CONSTRAINT media_queue_of_org
    FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);
-- a key says where an object belongs, and nothing else
ALTER TABLE media_mediaobject ADD CONSTRAINT media_key_form CHECK (
    key LIKE 'org_' || org_id || '/que_' || queue_id || '/' || to_char(day, 'YYYY-MM-DD') || '/' || kind || '/%');
CALL catalog_keep_count('media_mediaobject', 'kind');

-- FOR SHARE on the rows' cell: a purge that is taking the rows now is waited for, and then seen.
CREATE FUNCTION media_has_rows() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM catalog_cell
    WHERE (org_id, day, data_type, queue_id) = (NEW.org_id, NEW.day, 'insights', NEW.queue_id) FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the segments of queue % on % are not here (any more): their recordings are late and stay out',
            NEW.queue_id, NEW.day USING ERRCODE = 'EB409';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER has_rows BEFORE INSERT ON media_mediaobject FOR EACH ROW EXECUTE FUNCTION media_has_rows();
