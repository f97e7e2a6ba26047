-- The same sums once more by whole days: most reports are of days, weeks and months, and read a fifteenth of the rows then
-- (docs/adr/0023-agent-sums.md). They are made of the sums of hours, in the same transaction, and live and die with them.

CREATE TABLE insights_day (
    org_id        integer NOT NULL,
    day           date NOT NULL,
    queue_id      integer NOT NULL,
    channel       text NOT NULL,
    items         integer NOT NULL CHECK (items > 0),
    offered       integer NOT NULL,
    answered      integer NOT NULL,
    abandoned     integer NOT NULL,
    flowed_out    integer NOT NULL,
    callbacks     integer NOT NULL,
    wait_s        bigint NOT NULL, -- each as in insights_hour
    waits         integer NOT NULL,
    talk_s        bigint NOT NULL,
    talks         integer NOT NULL,
    hold_s        bigint NOT NULL,
    holds         integer NOT NULL,
    wrap_s        bigint NOT NULL,
    wraps         integer NOT NULL,
    abandon_waits integer NOT NULL,
    longest_s     integer,
    answered_in   integer[] NOT NULL CHECK (cardinality(answered_in) = 11),
    abandoned_in  integer[] NOT NULL CHECK (cardinality(abandoned_in) = 11),
    by_hour       integer[] NOT NULL CHECK (cardinality(by_hour) = 24), -- offered; NULL for none
    PRIMARY KEY (org_id, day, queue_id, channel) INCLUDE (items)
);
SELECT ebbtide_protect('insights_day');

-- Give the statement that adds up rows of insights_hour, whatever statement they come from, by days.
CREATE FUNCTION insights_days_from(hours text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format($sql$
        SELECT h.org_id, h.day, h.queue_id, h.channel,
            sum(h.items)::integer, sum(h.offered)::integer, sum(h.answered)::integer, sum(h.abandoned)::integer,
            sum(h.flowed_out)::integer, sum(h.callbacks)::integer, sum(h.wait_s)::bigint, sum(h.waits)::integer,
            sum(h.talk_s)::bigint, sum(h.talks)::integer, sum(h.hold_s)::bigint, sum(h.holds)::integer,
            sum(h.wrap_s)::bigint, sum(h.wraps)::integer, sum(h.abandon_waits)::integer, max(h.longest_s),
            ARRAY[%2$s], ARRAY[%3$s], ARRAY[%4$s]
        FROM (%1$s) h GROUP BY h.org_id, h.day, h.queue_id, h.channel $sql$,
        hours,
        (SELECT string_agg(format('sum(h.answered_in[%s])::integer', n), ', ' ORDER BY n) FROM generate_series(1, 11) n),
        (SELECT string_agg(format('sum(h.abandoned_in[%s])::integer', n), ', ' ORDER BY n) FROM generate_series(1, 11) n),
        (SELECT string_agg(format('(sum(h.offered) FILTER (WHERE h.hour = %s))::integer', n), ', ' ORDER BY n)
         FROM generate_series(0, 23) n))
$$;

-- Add up the rows of some cells by days: as insights_hours_of does, of which it is made. The cells stand in the statement as they do
-- there, so that only their partitions are opened.
CREATE FUNCTION insights_days_of(days date[], queues integer[], zone text) RETURNS SETOF insights_day
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE insights_days_from(
        format('SELECT * FROM insights_hours_of(%L::date[], %L::integer[], %L)', days, queues, zone));
END $$;

-- All three kinds of sums are made of the same cells, in one go.
CREATE OR REPLACE FUNCTION insights_sum_hours(first_day date, last_day date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    days date[];
    queues integer[];
    org record;
BEGIN
    SELECT array_agg(due.day), array_agg(due.queue_id) INTO days, queues FROM (
        SELECT c.day, c.queue_id FROM catalog_cell c
        WHERE c.org_id = ebbtide_org() AND c.data_type = 'insights' AND c.day BETWEEN first_day AND last_day
            AND (c.items IS DISTINCT FROM (
                SELECT sum(h.items) FROM insights_hour h
                WHERE h.org_id = c.org_id AND h.day = c.day AND h.queue_id = c.queue_id)
            OR c.items IS DISTINCT FROM (
                SELECT sum(d.items) FROM insights_day d
                WHERE d.org_id = c.org_id AND d.day = c.day AND d.queue_id = c.queue_id)
            OR c.items IS DISTINCT FROM (
                SELECT sum(a.items) FROM insights_agent a
                WHERE a.org_id = c.org_id AND a.day = c.day AND a.queue_id = c.queue_id))
        ORDER BY c.day, c.queue_id FOR NO KEY UPDATE SKIP LOCKED) due;
    IF days IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM insights_hour h USING unnest(days, queues) AS d (day, queue_id)
    WHERE h.org_id = ebbtide_org() AND h.day = d.day AND h.queue_id = d.queue_id;
    DELETE FROM insights_day s USING unnest(days, queues) AS d (day, queue_id)
    WHERE s.org_id = ebbtide_org() AND s.day = d.day AND s.queue_id = d.queue_id;
    DELETE FROM insights_agent a USING unnest(days, queues) AS d (day, queue_id)
    WHERE a.org_id = ebbtide_org() AND a.day = d.day AND a.queue_id = d.queue_id;
    SELECT o.zone, o.pepper INTO org FROM orgs_organization o WHERE o.id = ebbtide_org();
    EXECUTE format(
        'INSERT INTO insights_hour SELECT * FROM insights_hours_of(%L::date[], %L::integer[], %L) ORDER BY 2, 3, 4, 5',
        days, queues, org.zone);
    EXECUTE 'INSERT INTO insights_day ' || insights_days_from(
        'SELECT h.* FROM insights_hour h JOIN unnest($1, $2) AS made (day, queue_id) ON made.day = h.day AND made.queue_id = h.queue_id '
        'WHERE h.org_id = ebbtide_org()') || ' ORDER BY 2, 3, 4' USING days, queues;
    EXECUTE format(
        'INSERT INTO insights_agent SELECT * FROM insights_agents_of(%L::date[], %L::integer[], %L, $1) ORDER BY 2, 3',
        days, queues, org.zone) USING org.pepper;
    RETURN cardinality(days);
END $$;

-- A cell that changes or goes takes its sums along, whoever changed it.
CREATE OR REPLACE FUNCTION insights_drop_hours() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM insights_hour h USING removed r
        WHERE r.data_type = 'insights' AND h.org_id = r.org_id AND h.day = r.day AND h.queue_id = r.queue_id;
        DELETE FROM insights_day d USING removed r
        WHERE r.data_type = 'insights' AND d.org_id = r.org_id AND d.day = r.day AND d.queue_id = r.queue_id;
        DELETE FROM insights_agent g USING removed r
        WHERE r.data_type = 'insights' AND g.org_id = r.org_id AND g.day = r.day AND g.queue_id = r.queue_id;
    ELSE
        DELETE FROM insights_hour h USING removed r, added a
        WHERE r.data_type = 'insights' AND (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
            AND (a.items, a.bytes) IS DISTINCT FROM (r.items, r.bytes)
            AND h.org_id = r.org_id AND h.day = r.day AND h.queue_id = r.queue_id;
        DELETE FROM insights_day d USING removed r, added a
        WHERE r.data_type = 'insights' AND (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
            AND (a.items, a.bytes) IS DISTINCT FROM (r.items, r.bytes)
            AND d.org_id = r.org_id AND d.day = r.day AND d.queue_id = r.queue_id;
        DELETE FROM insights_agent g USING removed r, added a
        WHERE r.data_type = 'insights' AND (a.org_id, a.day, a.data_type, a.queue_id) = (r.org_id, r.day, r.data_type, r.queue_id)
            AND (a.items, a.bytes) IS DISTINCT FROM (r.items, r.bytes)
            AND g.org_id = r.org_id AND g.day = r.day AND g.queue_id = r.queue_id;
    END IF;
    RETURN NULL;
END $$;

-- Sums of hours are there already, the others are not: every organization is looked through once more.
TRUNCATE insights_summing;
