-- Who may see what. Row-level security is forced on every tenant table, so that not even the tables' owner (and with it the
-- functions that run with the owner's rights) sees a row of another organization than the one named in the transaction.

CREATE FUNCTION ebbtide_org() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('ebbtide.org', true), '')::integer $$;
CREATE FUNCTION ebbtide_user() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('ebbtide.user', true), '')::bigint $$;
CREATE FUNCTION ebbtide_is_platform() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('ebbtide.platform', true), '') = 'on' $$;

CREATE FUNCTION ebbtide_protect(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY own ON %s USING (org_id = ebbtide_org()) WITH CHECK (org_id = ebbtide_org())', target);
END $$;

SELECT ebbtide_protect('orgs_flagchange');
SELECT ebbtide_protect('orgs_membership');
SELECT ebbtide_protect('orgs_group');
SELECT ebbtide_protect('orgs_groupmember');
CREATE POLICY mine ON orgs_membership FOR SELECT USING (user_id = ebbtide_user());
CREATE POLICY platform ON orgs_membership FOR SELECT USING (ebbtide_is_platform());

ALTER TABLE orgs_organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE orgs_organization FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON orgs_organization USING (id = ebbtide_org()) WITH CHECK (id = ebbtide_org());
CREATE POLICY mine ON orgs_organization FOR SELECT
    USING (id IN (SELECT org_id FROM orgs_membership WHERE user_id = ebbtide_user()));
CREATE POLICY platform_reads ON orgs_organization FOR SELECT USING (ebbtide_is_platform());
CREATE POLICY platform_adds ON orgs_organization FOR INSERT WITH CHECK (ebbtide_is_platform());
