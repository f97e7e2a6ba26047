-- What the page of rows kept apart leans on: newest first, page by page.
CREATE INDEX setaside_by_received ON insights_setaside (org_id, received_at, id);
