-- Tokens and their use belong to an organization, and nobody sees another's. A token names its organization itself, so it is
-- looked for among that one's rows alone.

SELECT ebbtide_protect('tokens_token');
SELECT ebbtide_protect('tokens_tokenuse');
ALTER TABLE tokens_tokenuse ADD CONSTRAINT tokenuse_of_org
    FOREIGN KEY (org_id, token_id) REFERENCES tokens_token (org_id, id);
-- written with every request: room on the page keeps the new version beside the old one
ALTER TABLE tokens_tokenuse SET (fillfactor = 50);

-- Of a token nothing changes but that it is revoked, once: what it may do is what was said when it was made.
CREATE FUNCTION tokens_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL
            AND to_jsonb(NEW) - 'revoked_at' - 'revoked_by' = to_jsonb(OLD) - 'revoked_at' - 'revoked_by' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a token never changes: make a new one' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON tokens_token FOR EACH ROW EXECUTE FUNCTION tokens_stay();
