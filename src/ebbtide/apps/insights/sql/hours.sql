-- The sums that reports read: what happened in an hour of a Q, by channel (docs/adr/0017-report-sums.md).
--
-- They are a copy made of report rows, so they live and die with their cell: whatever changes or removes a cell removes its
-- sums, in the same transaction. They are made for whole cells of finished days, later and at nobody's cost, and count only as
-- long as they count as many segments as their cell does; for any other cell a report reads the rows.

CREATE TABLE insights_hour (
    org_id        integer NOT NULL,
    day           date NOT NULL,
    queue_id      integer NOT NULL,
    hour          smallint NOT NULL CHECK (hour BETWEEN 0 AND 23), -- local; see insights_hours_of
    channel       text NOT NULL,
    items         integer NOT NULL CHECK (items > 0),
    offered       integer NOT NULL,
    answered      integer NOT NULL,
    abandoned     integer NOT NULL,
    flowed_out    integer NOT NULL,
    callbacks     integer NOT NULL,
    wait_s        bigint NOT NULL, -- of those answered whose wait is known
    waits         integer NOT NULL,
    talk_s        bigint NOT NULL, -- of those answered whose talk is known; hold and wrap-up of the same
    talks         integer NOT NULL,
    hold_s        bigint NOT NULL,
    holds         integer NOT NULL,
    wrap_s        bigint NOT NULL,
    wraps         integer NOT NULL,
    abandon_waits integer NOT NULL,
    longest_s     integer,
    -- how many waited no longer than each of insights_thresholds()
    answered_in   integer[] NOT NULL CHECK (cardinality(answered_in) = 11),
    abandoned_in  integer[] NOT NULL CHECK (cardinality(abandoned_in) = 11),
    -- with the count, so that sums are held against their cells without being read
    PRIMARY KEY (org_id, day, queue_id, hour, channel) INCLUDE (items)
);
SELECT ebbtide_protect('insights_hour');

-- Up to which day an organization's cells were looked through, and when that began: who is due is found out in one statement.
CREATE TABLE insights_summing (
    org_id   integer PRIMARY KEY REFERENCES orgs_organization (id),
    upto     date NOT NULL,
    began_at timestamptz NOT NULL
);
SELECT ebbtide_protect('insights_summing');
CREATE POLICY platform ON insights_summing FOR SELECT USING (ebbtide_is_platform()); -- dates alone

CREATE FUNCTION insights_thresholds() RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT ARRAY[5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300] $$;

-- Add up the rows of some cells, given as pairs: what the sums are made with, and what a report reads where there are none.
-- The hour is the one in which a segment entered the Q. One that entered on another date than its day (the day it ended) counts
-- in its day's first or last hour, so that hours and cells agree. Days given as a constant are the only ones whose partitions
-- are opened; so it has to stay a function that PostgreSQL can take apart (no SET, no definer).
CREATE FUNCTION insights_hours_of(days date[], queues integer[], zone text) RETURNS SETOF insights_hour
    LANGUAGE sql STABLE AS $$
    SELECT s.org_id, s.day, s.queue_id, l.hour, s.channel,
        count(*)::integer,
        count(*) FILTER (WHERE l.offered)::integer,
        count(*) FILTER (WHERE l.offered AND s.outcome = 'answered')::integer,
        count(*) FILTER (WHERE l.offered AND s.outcome = 'abandoned')::integer,
        count(*) FILTER (WHERE l.offered AND s.outcome = 'flowed_out')::integer,
        count(*) FILTER (WHERE l.offered AND s.outcome = 'callback')::integer,
        coalesce(sum(s.wait_s) FILTER (WHERE l.offered AND s.outcome = 'answered'), 0)::bigint,
        count(s.wait_s) FILTER (WHERE l.offered AND s.outcome = 'answered')::integer,
        coalesce(sum(s.talk_s) FILTER (WHERE l.talked), 0)::bigint,
        count(*) FILTER (WHERE l.talked)::integer,
        coalesce(sum(s.hold_s) FILTER (WHERE l.talked), 0)::bigint,
        count(s.hold_s) FILTER (WHERE l.talked)::integer,
        coalesce(sum(s.wrap_s) FILTER (WHERE l.talked), 0)::bigint,
        count(s.wrap_s) FILTER (WHERE l.talked)::integer,
        count(s.wait_s) FILTER (WHERE l.offered AND s.outcome = 'abandoned')::integer,
        max(s.wait_s) FILTER (WHERE l.offered),
        ARRAY[
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 5)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 10)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 15)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 20)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 30)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 45)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 60)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 90)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 120)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 180)::integer,
            count(*) FILTER (WHERE s.outcome = 'answered' AND l.offered AND s.wait_s <= 300)::integer],
        ARRAY[
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 5)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 10)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 15)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 20)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 30)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 45)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 60)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 90)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 120)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 180)::integer,
            count(*) FILTER (WHERE s.outcome = 'abandoned' AND l.offered AND s.wait_s <= 300)::integer]
    FROM unnest(days, queues) AS d (day, queue_id)
    JOIN insights_segment s ON s.org_id = ebbtide_org() AND s.day = d.day AND s.queue_id = d.queue_id
    CROSS JOIN LATERAL (
        SELECT coalesce(s.queued_at, s.answered_at, s.ended_at) AT TIME ZONE zone AS entered) e
    CROSS JOIN LATERAL (
        SELECT s.direction IS DISTINCT FROM 'outbound' AS offered,
            s.direction IS DISTINCT FROM 'outbound' AND s.outcome = 'answered' AND s.talk_s IS NOT NULL AS talked,
            CASE WHEN e.entered IS NULL OR e.entered < s.day THEN 0 WHEN e.entered >= s.day + 1 THEN 23
                ELSE extract(hour FROM e.entered) END::smallint AS hour) l
    WHERE s.day = ANY (days)
    GROUP BY s.org_id, s.day, s.queue_id, l.hour, s.channel
$$;

-- Make the sums of the cells of these days that have none, or none that fit. The cells are locked against whoever writes or
-- purges there, and those that somebody holds are left for the next pass; then, in a statement that sees what was written, added
-- up. Returns how many cells.
CREATE FUNCTION insights_sum_hours(first_day date, last_day date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    days date[];
    queues integer[];
BEGIN
    SELECT array_agg(due.day), array_agg(due.queue_id) INTO days, queues FROM (
        SELECT c.day, c.queue_id FROM catalog_cell c
        WHERE c.org_id = ebbtide_org() AND c.data_type = 'insights' AND c.day BETWEEN first_day AND last_day
            AND c.items IS DISTINCT FROM (
                SELECT sum(h.items) FROM insights_hour h
                WHERE h.org_id = c.org_id AND h.day = c.day AND h.queue_id = c.queue_id)
        ORDER BY c.day, c.queue_id FOR NO KEY UPDATE SKIP LOCKED) due;
    IF days IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM insights_hour h USING unnest(days, queues) AS d (day, queue_id)
    WHERE h.org_id = ebbtide_org() AND h.day = d.day AND h.queue_id = d.queue_id;
    EXECUTE format(
        'INSERT INTO insights_hour SELECT * FROM insights_hours_of(%L::date[], %L::integer[], %L) ORDER BY 2, 3, 4, 5',
        days, queues, (SELECT o.zone FROM orgs_organization o WHERE o.id = ebbtide_org()));
    RETURN cardinality(days);
END $$;

-- Note that all cells up to a day were looked through.
CREATE FUNCTION insights_note_pass(upto date, began timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO insights_summing AS s (org_id, upto, began_at) VALUES (ebbtide_org(), upto, began)
    ON CONFLICT (org_id) DO UPDATE SET upto = excluded.upto, began_at = excluded.began_at
$$;

-- A cell that changes or goes takes its sums along, whoever changed it.
CREATE FUNCTION insights_drop_hours() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM insights_hour h USING removed r
        WHERE r.data_type = 'insights' AND h.org_id = r.org_id AND h.day = r.day AND h.queue_id = r.queue_id;
    ELSE
        DELETE FROM insights_hour h USING removed r, added a
        WHERE r.data_type = 'insights' AND (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
            AND (a.items, a.bytes) IS DISTINCT FROM (r.items, r.bytes)
            AND h.org_id = r.org_id AND h.day = r.day AND h.queue_id = r.queue_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hours_changed AFTER UPDATE ON catalog_cell REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION insights_drop_hours();
CREATE TRIGGER hours_removed AFTER DELETE ON catalog_cell REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION insights_drop_hours();
