-- What a store was seen to do is only added to: a run names the probe it went by.

CREATE FUNCTION runs_probe_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'probes of the object store are only added to' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON runs_storeprobe
    FOR EACH STATEMENT EXECUTE FUNCTION runs_probe_stays();
