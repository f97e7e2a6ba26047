-- Service targets: a setting of each Q, of its own organization.
SELECT ebbtide_protect('reports_servicetarget');
ALTER TABLE reports_servicetarget ADD CONSTRAINT target_queue_of_org
    FOREIGN KEY (org_id, queue_id) REFERENCES catalog_queue (org_id, id);
