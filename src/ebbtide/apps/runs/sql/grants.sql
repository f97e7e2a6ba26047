-- Who may do what, in one place; applied after every migration. Deny by default: all is taken away, then given by name.
-- Partitions are never granted: they are reached through their parent, where its policies and triggers stand.

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, ebbtide_web, ebbtide_sweep;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, ebbtide_web, ebbtide_sweep;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM PUBLIC, ebbtide_web, ebbtide_sweep;
GRANT USAGE ON SCHEMA public TO ebbtide_web, ebbtide_sweep;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION ebbtide_org(), ebbtide_user(), ebbtide_is_platform() TO ebbtide_web, ebbtide_sweep;

-- Both read; neither deletes data, changes a plan's content, or touches cells, lines and book.
GRANT SELECT ON orgs_organization, orgs_flagchange, orgs_membership, orgs_group, orgs_groupmember, orgs_user,
    catalog_queue, catalog_cell, catalog_tally, catalog_purgedline, insights_segment, insights_event, insights_identity,
    insights_setaside, insights_partition, insights_residue, media_mediaobject, media_upload, policies_retentionjob,
    policies_jobqueue, policies_jobchange, ledger_entry, ledger_strayentry, runs_orphan, runs_platform, runs_switchturn,
    runs_throttleturn, runs_storeprobe, runs_plan, runs_planline, runs_run, runs_batchcount, activation_request,
    accounts_invitation, accounts_peoplechange, accounts_dataaccess, console_settingchange, django_migrations
    TO ebbtide_web, ebbtide_sweep;
GRANT INSERT ON runs_plan, runs_planline, accounts_dataaccess TO ebbtide_web, ebbtide_sweep;
GRANT INSERT ON runs_run, runs_storeprobe TO ebbtide_sweep;
GRANT UPDATE (mode, outcome, reason, ended_at, worker, probe_id, purged, purged_bytes, kept, failed, not_reached, stretch)
    ON runs_run TO ebbtide_sweep;
GRANT UPDATE (clock_read_at) ON runs_platform TO ebbtide_sweep;
GRANT SELECT ON runs_reconciliation TO ebbtide_web, ebbtide_sweep;
GRANT INSERT, UPDATE ON runs_reconciliation TO ebbtide_sweep;

-- Web (pages, imports, the operator's commands).
GRANT INSERT ON orgs_organization, activation_request, catalog_queue, insights_segment, insights_event, insights_identity,
    insights_setaside, media_mediaobject, policies_retentionjob, policies_jobchange TO ebbtide_web;
GRANT UPDATE (name, night_at, share_cap_percent, item_cap, nightly_amount, rows_per_second, objects_per_second, hours_from,
    hours_until) ON orgs_organization TO ebbtide_web;
GRANT UPDATE (archived_at) ON catalog_queue TO ebbtide_web;
GRANT UPDATE (what, days, type, version, deleted_at, paused_at) ON policies_retentionjob TO ebbtide_web;
GRANT UPDATE (confirmed_at, confirmed_by) ON runs_plan TO ebbtide_web;
GRANT UPDATE (cancelled_at, cancelled_by) ON runs_run TO ebbtide_web;
GRANT UPDATE (stopped, stopped_reason, rows_per_second, objects_per_second, hours_from, hours_until) ON runs_platform
    TO ebbtide_web;
GRANT INSERT ON runs_switchturn, runs_throttleturn, console_settingchange TO ebbtide_web;
GRANT INSERT, UPDATE, DELETE ON orgs_user, orgs_membership, orgs_group, orgs_groupmember, policies_jobqueue, media_upload
    TO ebbtide_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON django_session, axes_accessattempt, axes_accesslog, axes_accessfailurelog,
    axes_accessattemptexpiration TO ebbtide_web;
GRANT INSERT ON accounts_invitation, accounts_peoplechange TO ebbtide_web;
GRANT UPDATE (digest, sent_at, expires_at, accepted_at, revoked_at) ON accounts_invitation TO ebbtide_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts_setuplink, account_emailaddress, account_emailconfirmation,
    mfa_authenticator, usersessions_usersession, socialaccount_socialaccount, socialaccount_socialapp,
    socialaccount_socialtoken TO ebbtide_web;
GRANT SELECT ON auth_permission, auth_group, django_content_type TO ebbtide_web;
GRANT EXECUTE ON FUNCTION insights_ensure_days(date[]) TO ebbtide_web;
GRANT EXECUTE ON FUNCTION console_due_since(date, integer) TO ebbtide_web;

-- Flags: nobody writes their columns or their history. The web role reaches functions that ask who it is and what for; the
-- sweep role, for the operator's command line, turns them on its host's word.
GRANT EXECUTE ON FUNCTION activation_close(bigint, text, bigint, text), activation_arm(bigint, bigint, text),
    activation_disarm(bigint, text), activation_stop(bigint, boolean, text), activation_release(bigint, boolean, text)
    TO ebbtide_web;
GRANT EXECUTE ON FUNCTION orgs_turn(text, boolean, text, text, timestamptz) TO ebbtide_sweep;

-- Sweep (the worker): the purge functions, and nothing that deletes beside them.
GRANT EXECUTE ON FUNCTION runs_may_delete(bigint), runs_purge_rows(bigint, integer, date, date),
    runs_claim_objects(bigint, date, date, integer, integer, integer),
    runs_claim_objects(bigint, date, date, integer, integer, integer, bigint[]), runs_give_back(bigint, bigint[]), runs_open_claims(bigint), runs_close_objects(bigint, integer, bigint[], text[], text[]),
    runs_add_up(bigint, boolean), runs_next_batch(bigint), runs_refuse_company(bigint) TO ebbtide_sweep;
GRANT EXECUTE ON FUNCTION insights_settle(date), insights_unsettled(), catalog_recount() TO ebbtide_sweep;
GRANT EXECUTE ON FUNCTION runs_remember_orphans(text[], text[], timestamptz),
    runs_remember_orphans(text[], text[], bigint[], timestamptz), runs_judge_orphans(timestamptz),
    runs_claim_orphans(timestamptz, integer), runs_close_orphans(bigint[], text[]) TO ebbtide_sweep;
GRANT EXECUTE ON FUNCTION runs_mend_cells(date[], text[], integer[]), runs_release_claims(bigint[]) TO ebbtide_sweep;

-- Billing: usage is booked by its function alone; what is closed or priced is added and never changed.
GRANT SELECT ON catalog_cellchange, billing_meteredday, billing_usage, billing_ratecardversion, billing_closedstatement
    TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION billing_byte_days(date, date, text[], integer[]) TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION billing_meter(date, timestamptz) TO ebbtide_sweep;
GRANT INSERT ON billing_closedstatement TO ebbtide_sweep;
GRANT INSERT ON billing_ratecardversion TO ebbtide_web;
-- Budgets: people set them on a page, the worker tells when they will not do.
GRANT SELECT ON billing_budget, billing_budgetalert, billing_position TO ebbtide_web, ebbtide_sweep;
GRANT INSERT ON billing_budget TO ebbtide_web;
GRANT INSERT ON billing_budgetalert TO ebbtide_sweep;
GRANT INSERT, UPDATE ON billing_position TO ebbtide_sweep;

-- Reports: sums are made by their function alone.
GRANT SELECT ON insights_hour, insights_day, insights_agent, insights_summing, reports_servicetarget TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION insights_hours_of(date[], integer[], text), insights_days_of(date[], integer[], text),
    insights_days_from(text), insights_agents_of(date[], integer[], text, bytea), insights_agent_key(bytea, text) TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION insights_sum_hours(date, date), insights_note_pass(date, timestamptz) TO ebbtide_sweep;
GRANT INSERT, UPDATE ON reports_servicetarget TO ebbtide_web;

-- Tokens: people make and revoke them; each request counts against its token's allowance.
GRANT SELECT ON tokens_token, tokens_tokenuse TO ebbtide_web, ebbtide_sweep;
GRANT INSERT ON tokens_token TO ebbtide_web;
GRANT UPDATE (revoked_at, revoked_by) ON tokens_token TO ebbtide_web;
GRANT INSERT, UPDATE ON tokens_tokenuse TO ebbtide_web;

-- Words of transcripts: written and removed by functions alone.
GRANT SELECT ON media_wordset, media_words, media_unindexed, media_residue, media_piecewritten TO ebbtide_web, ebbtide_sweep;
GRANT EXECUTE ON FUNCTION media_add_words(date, integer, bigint[], uuid[], bigint[], text[], boolean), media_note_indexed(),
    media_mend_words(), media_write_anew(integer) TO ebbtide_sweep;

-- Exports: people ask for them, the worker makes and destroys them; which cells they hold is written by functions alone.
GRANT SELECT ON exports_export, exports_taken TO ebbtide_web, ebbtide_sweep;
GRANT INSERT ON exports_export TO ebbtide_web;
GRANT UPDATE (cancelled_at, cancelled_by, condemned_at, condemned_why, condemned_by) ON exports_export TO ebbtide_web;
GRANT UPDATE (attempts, retry_at, cells, items, bytes, items_done, bytes_done, size_checked, files, size, sha256, ready_at,
    expires_at, failed_at, reason, condemned_at, condemned_why) ON exports_export TO ebbtide_sweep;
GRANT EXECUTE ON FUNCTION exports_begin(bigint, text, timestamptz), exports_take(bigint, date, text),
    exports_close(bigint, timestamptz) TO ebbtide_sweep;

-- The queue of tasks belongs to both.
DO $$
DECLARE
    thing text;
BEGIN
    FOR thing IN SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'procrastinate%' AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO ebbtide_web, ebbtide_sweep', thing);
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'procrastinate%'
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ebbtide_web, ebbtide_sweep', thing);
    END LOOP;
END $$;
