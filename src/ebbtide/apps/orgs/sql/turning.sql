-- Arming, and the organization's kill switch. No role of the product may write these columns or a line of their history: what
-- turns a flag is a function with the owner's rights, which writes both in one transaction.

-- An organization begins without deletion, whoever adds it.
CREATE POLICY begins_simulating ON orgs_organization AS RESTRICTIVE FOR INSERT
    WITH CHECK (ebbtide_is_platform() AND NOT armed AND armed_at IS NULL);

CREATE FUNCTION orgs_history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of arming is append-only' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON orgs_flagchange
    FOR EACH STATEMENT EXECUTE FUNCTION orgs_history_stays();

-- Turn a flag of the organization named in the transaction; false where it stood so already. Asks nobody for a right: only the
-- sweep role may call it (the operator's command line), and the functions of activation, which ask.
CREATE FUNCTION orgs_turn(which text, state boolean, why text, who text, moment timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(btrim(why), '') = '' OR coalesce(btrim(who), '') = '' THEN
        RAISE EXCEPTION 'a flag is turned by somebody and for a reason' USING ERRCODE = 'EB403';
    END IF;
    IF which = 'armed' THEN
        UPDATE orgs_organization SET armed = state, armed_at = CASE WHEN state THEN moment END
        WHERE id = ebbtide_org() AND armed <> state;
    ELSIF which = 'stopped' THEN
        UPDATE orgs_organization SET stopped = state WHERE id = ebbtide_org() AND stopped <> state;
    ELSE
        RAISE EXCEPTION 'there is no flag %', which USING ERRCODE = 'EB403';
    END IF;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO orgs_flagchange (org_id, flag, value, reason, actor) VALUES (ebbtide_org(), which, state, btrim(why), who);
    RETURN true;
END $$;
