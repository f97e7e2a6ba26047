-- The history of the platform's kill switch is only added to, by anybody.

CREATE FUNCTION runs_switch_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'turns of the kill switch are only added to' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON runs_switchturn
    FOR EACH STATEMENT EXECUTE FUNCTION runs_switch_stays();

-- Asked once a query and not once a row; and the planner, which takes a comparison with a setting for rarely true, reads
-- the newest run of an organization from its index instead of sorting all of them.
ALTER POLICY platform ON runs_run USING ((SELECT ebbtide_is_platform()));
ALTER POLICY platform ON runs_plan USING ((SELECT ebbtide_is_platform()));
