-- Jobs name only queues of their own organization, and any change of them makes the organization's plans stale.

SELECT ebbtide_protect('policies_retentionjob');
SELECT ebbtide_protect('policies_jobqueue');
SELECT ebbtide_protect('policies_jobchange');
ALTER TABLE policies_retentionjob ADD CONSTRAINT job_of_org UNIQUE (org_id, id);
ALTER TABLE policies_jobqueue
    ADD CONSTRAINT job_queue_job_of_org FOREIGN KEY (org_id, job_id) REFERENCES policies_retentionjob (org_id, id),
    ADD CONSTRAINT job_queue_queue_of_org FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);

CREATE FUNCTION policies_new_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE orgs_organization SET jobs_version = jobs_version + 1 WHERE id = ebbtide_org();
    RETURN NULL;
END $$;
CREATE TRIGGER new_version AFTER INSERT OR UPDATE OR DELETE ON policies_retentionjob
    FOR EACH STATEMENT EXECUTE FUNCTION policies_new_version();
CREATE TRIGGER new_version AFTER INSERT OR UPDATE OR DELETE ON policies_jobqueue
    FOR EACH STATEMENT EXECUTE FUNCTION policies_new_version();
