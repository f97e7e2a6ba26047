-- What the console reads of all organizations at once: dates, and nothing else of their data.

SELECT ebbtide_protect('console_settingchange');
CREATE FUNCTION console_change_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'changes of settings are only added to' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON console_settingchange
    FOR EACH STATEMENT EXECUTE FUNCTION console_change_stays();

-- For the function below, which runs with the owner's rights, and for nobody else: web and sweep see counts and jobs of
-- the organization they act in, whatever their scope, and their own queries are not slowed by a second condition.
CREATE POLICY platform ON catalog_cell FOR SELECT TO CURRENT_ROLE USING ((SELECT ebbtide_is_platform()));
CREATE POLICY platform ON policies_retentionjob FOR SELECT TO CURRENT_ROLE USING ((SELECT ebbtide_is_platform()));
CREATE POLICY platform ON policies_jobqueue FOR SELECT TO CURRENT_ROLE USING ((SELECT ebbtide_is_platform()));

-- The date on which each organization's oldest item became due, where that is no later than a date: nothing is due where
-- it is still to come. An organization is missing where no job reaches any data. only_org: one organization's, NULL for all.
--
-- Of all jobs that reach a cell the shortest decides, so a cell becomes due when the first of them says so: on day + days + 1.
-- So the earliest date over all cells is the earliest over all jobs, each with the oldest day it reaches: a few steps into an
-- index for each job (the primary key, and cell_by_queue), however much is kept. domain/verdict.py decides; a property test holds this against it.
CREATE FUNCTION console_due_since(until date, only_org integer) RETURNS TABLE (org_id integer, due_on date)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH said AS (
        SELECT j.org_id, j.days, oldest.day FROM policies_retentionjob j
        CROSS JOIN LATERAL (
            SELECT c.day FROM catalog_cell c WHERE c.org_id = j.org_id ORDER BY c.day LIMIT 1) oldest
        WHERE j.deleted_at IS NULL AND j.paused_at IS NULL AND j.type = 'global'
            AND (only_org IS NULL OR j.org_id = only_org)
        UNION ALL
        SELECT j.org_id, j.days, oldest.day FROM policies_retentionjob j
        JOIN policies_jobqueue n ON n.org_id = j.org_id AND n.job_id = j.id
        CROSS JOIN LATERAL unnest(CASE j.what WHEN 'all' THEN ARRAY['insights', 'audio', 'transcript', 'desktop']
                                              WHEN 'desktop' THEN ARRAY['desktop'] END) AS kind
        CROSS JOIN LATERAL (
            SELECT c.day FROM catalog_cell c
            WHERE c.org_id = j.org_id AND c.queue_id = n.queue_id AND c.data_type = kind ORDER BY c.day LIMIT 1) oldest
        WHERE j.deleted_at IS NULL AND j.paused_at IS NULL AND j.type = 'queue'
            AND (only_org IS NULL OR j.org_id = only_org)
    )
    SELECT s.org_id, min(s.day + s.days + 1) FROM said s GROUP BY s.org_id
    HAVING min(s.day + s.days + 1) <= until
$$;
