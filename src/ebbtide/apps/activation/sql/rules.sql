-- DANGER: activation_arm is the one way from the web interface to an armed organization. It asks everything itself, in the
-- transaction that arms; pages ask before it so that they can say why, and are not relied upon.

SELECT ebbtide_protect('activation_request');
CREATE POLICY platform ON activation_request FOR SELECT USING (ebbtide_is_platform());

-- What a request rests on is the plan of the organization's newest run, and is copied from there, not taken from whoever asks.
-- Errors: EB102 it does not bear a request.
CREATE FUNCTION activation_begins() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    org orgs_organization;
    plan runs_plan;
BEGIN
    SELECT * INTO org FROM orgs_organization WHERE id = NEW.org_id;
    SELECT p.* INTO plan FROM runs_run r JOIN runs_plan p ON p.org_id = r.org_id AND p.id = r.plan_id
    WHERE r.org_id = NEW.org_id AND r.id = NEW.run_id AND r.mode = 'simulated' AND r.outcome = 'simulated'
        AND NOT p.armed AND p.as_of >= p.made_on - 1
        AND NOT EXISTS (SELECT 1 FROM runs_run n WHERE n.org_id = r.org_id AND n.id > r.id AND n.mode IS NOT NULL);
    IF plan.id IS NULL OR org.armed THEN
        RAISE EXCEPTION 'the run is not the newest simulation of an organization that is not armed' USING ERRCODE = 'EB102';
    END IF;
    IF plan.jobs_version <> org.jobs_version THEN
        RAISE EXCEPTION 'the retention jobs have changed since the simulation' USING ERRCODE = 'EB102';
    END IF;
    IF plan.made_at NOT BETWEEN now() - interval '48 hours' AND now() + interval '5 minutes' THEN
        RAISE EXCEPTION 'the simulation is more than 48 hours old' USING ERRCODE = 'EB102';
    END IF;
    NEW.state := 'open';
    NEW.plan_id := plan.id;
    NEW.sha256 := plan.sha256;
    NEW.jobs_version := plan.jobs_version;
    NEW.simulated_at := plan.made_at;
    NEW.as_of := plan.as_of;
    NEW.cells := plan.cells;
    NEW.items := plan.items;
    NEW.bytes := plan.bytes;
    NEW.oldest := plan.oldest;
    NEW.newest := plan.newest;
    NEW.population := plan.population;
    SELECT coalesce(jsonb_agg(jsonb_build_array(s.queue, s.data_type, s.items, s.bytes, s.oldest, s.newest)), '[]')
    INTO NEW.breakdown FROM (
        SELECT u.queue, l.data_type, sum(u.items) AS items, sum(u.bytes) AS bytes, min(l.day) AS oldest, max(l.day) AS newest
        FROM runs_planline l, unnest(l.queues, l.items, l.bytes) AS u (queue, items, bytes)
        WHERE l.org_id = plan.org_id AND l.plan_id = plan.id GROUP BY 1, 2) s;
    NEW.asked_at := statement_timestamp();
    NEW.closed_at := NULL;
    NEW.closed_by := '';
    NEW.answer := '';
    RETURN NEW;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON activation_request FOR EACH ROW EXECUTE FUNCTION activation_begins();

-- Written once, closed once, kept for ever: also by the owner.
CREATE FUNCTION activation_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'open' AND to_jsonb(NEW) - '{state,closed_at,closed_by,answer}'::text[]
            = to_jsonb(OLD) - '{state,closed_at,closed_by,answer}'::text[] THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a request is closed once and never changes' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON activation_request FOR EACH ROW EXECUTE FUNCTION activation_stays();
CREATE TRIGGER stays_whole BEFORE TRUNCATE ON activation_request FOR EACH STATEMENT EXECUTE FUNCTION activation_stays();

-- Give the name an operator goes by in histories. Error EB103: there is no such operator.
CREATE FUNCTION activation_operator(person bigint) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    SELECT 'operator ' || u.email INTO name FROM orgs_user u WHERE u.id = person AND u.is_operator AND u.is_active;
    IF name IS NULL THEN
        RAISE EXCEPTION 'there is no such operator' USING ERRCODE = 'EB103';
    END IF;
    RETURN name;
END $$;

-- Give a member's name. Error EB103: they are no member of the organization named in the transaction.
CREATE FUNCTION activation_member(person bigint) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    SELECT u.email INTO name FROM orgs_user u JOIN orgs_membership m ON m.user_id = u.id
    WHERE u.id = person AND u.is_active AND m.org_id = ebbtide_org();
    IF name IS NULL THEN
        RAISE EXCEPTION 'there is no such member' USING ERRCODE = 'EB103';
    END IF;
    RETURN name;
END $$;

-- Find an open request of the organization named in the transaction and hold it: of two who close it, the second is told.
-- Errors: EB101 it is closed already; EB103 there is none.
CREATE FUNCTION activation_hold(request bigint) RETURNS activation_request
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held activation_request;
BEGIN
    SELECT * INTO held FROM activation_request WHERE org_id = ebbtide_org() AND id = request FOR UPDATE;
    IF held.id IS NULL THEN
        RAISE EXCEPTION 'there is no such request' USING ERRCODE = 'EB103';
    END IF;
    IF held.state <> 'open' THEN
        RAISE EXCEPTION 'the request is not open any more: it was %',
            CASE held.state WHEN 'armed' THEN 'granted' WHEN 'expired' THEN 'replaced by a newer one' ELSE held.state END
            USING ERRCODE = 'EB101';
    END IF;
    RETURN held;
END $$;

-- Close a request without arming: withdrawn or replaced (`expired`) by a member, declined by an operator.
CREATE FUNCTION activation_close(request bigint, how text, person bigint, why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held activation_request := activation_hold(request);
    who text;
BEGIN
    IF how = 'declined' THEN
        who := activation_operator(person);
        IF coalesce(btrim(why), '') = '' THEN
            RAISE EXCEPTION 'a request is declined for a reason' USING ERRCODE = 'EB403';
        END IF;
    ELSIF how IN ('withdrawn', 'expired') THEN
        who := activation_member(person);
    ELSE
        RAISE EXCEPTION 'a request is not closed as %', how USING ERRCODE = 'EB403';
    END IF;
    UPDATE activation_request SET state = how, closed_at = statement_timestamp(), closed_by = who, answer = btrim(why) WHERE id = held.id;
END $$;

-- Arm the organization named in the transaction, on a request of its own. The organization's row is locked, so that a job which is
-- being changed is waited for and then seen.
-- Errors: EB101 closed already, or armed; EB102 what it rests on does not bear it; EB103 no such operator or request.
CREATE FUNCTION activation_arm(request bigint, operator bigint, why text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    who text := activation_operator(operator);
    held activation_request := activation_hold(request);
    org orgs_organization;
BEGIN
    SELECT * INTO org FROM orgs_organization WHERE id = ebbtide_org() FOR UPDATE;
    IF org.jobs_version <> held.jobs_version THEN
        RAISE EXCEPTION 'the retention jobs have changed since the simulation' USING ERRCODE = 'EB102';
    END IF;
    IF held.simulated_at NOT BETWEEN now() - interval '48 hours' AND now() + interval '5 minutes' THEN
        RAISE EXCEPTION 'the simulation is more than 48 hours old' USING ERRCODE = 'EB102';
    END IF;
    UPDATE activation_request SET state = 'armed', closed_at = statement_timestamp(), closed_by = who, answer = btrim(why)
    WHERE id = held.id;
    IF NOT orgs_turn('armed', true, why, who, statement_timestamp()) THEN
        RAISE EXCEPTION 'the organization is armed already' USING ERRCODE = 'EB101';
    END IF;
END $$;

-- An organization that was armed without its request (the command line) has no open one left.
CREATE FUNCTION activation_granted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE activation_request SET state = 'armed', closed_at = statement_timestamp(), closed_by = NEW.actor, answer = NEW.reason
    WHERE org_id = NEW.org_id AND state = 'open';
    RETURN NULL;
END $$;
CREATE TRIGGER granted AFTER INSERT ON orgs_flagchange FOR EACH ROW WHEN (NEW.flag = 'armed' AND NEW.value)
    EXECUTE FUNCTION activation_granted();

-- Disarm the organization named in the transaction: an operator's. False where it was not armed.
CREATE FUNCTION activation_disarm(operator bigint, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT orgs_turn('armed', false, why, activation_operator(operator), now())
$$;

-- Switch the organization's kill switch on: any member whom the page lets, or an operator. False where it was on.
CREATE FUNCTION activation_stop(person bigint, as_operator boolean, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT orgs_turn('stopped', true, why,
        CASE WHEN as_operator THEN activation_operator(person) ELSE activation_member(person) END, now())
$$;

-- Switch it off, so that an armed organization is deleted from again: the operator, or the member who switched it on.
-- Error EB103: somebody else did.
CREATE FUNCTION activation_release(person bigint, as_operator boolean, why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    who text := CASE WHEN as_operator THEN activation_operator(person) ELSE activation_member(person) END;
    stopper text;
BEGIN
    PERFORM 1 FROM orgs_organization WHERE id = ebbtide_org() FOR UPDATE;
    SELECT f.actor INTO stopper FROM orgs_flagchange f
    WHERE f.org_id = ebbtide_org() AND f.flag = 'stopped' AND f.value ORDER BY f.id DESC LIMIT 1;
    IF NOT as_operator AND stopper IS DISTINCT FROM who THEN
        RAISE EXCEPTION 'somebody else has stopped deletion' USING ERRCODE = 'EB103';
    END IF;
    RETURN orgs_turn('stopped', false, why, who, now());
END $$;
