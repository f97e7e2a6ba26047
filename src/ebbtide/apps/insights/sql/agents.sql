-- The sums of agents: what each of them handled on a day, in a Q, by channel (docs/adr/0023-agent-sums.md).
--
-- They live and die with their cell, as the sums of hours do, are made together with them and count only as long as they count as
-- many segments as their cell. No agent's name stands in them: only a keyed hash, and one segment of the cell whose row tells
-- the name. So a name lies nowhere but in report rows, and is gone with them, to the last byte.

CREATE TABLE insights_agent (
    org_id   integer NOT NULL,
    day      date NOT NULL,
    queue_id integer NOT NULL,
    channel  text NOT NULL,
    agent    uuid,          -- see insights_agent_key; NULL: nobody handled these, or nobody knows who
    sample   uuid NOT NULL, -- of these segments, one
    items    integer NOT NULL CHECK (items > 0),
    handled  integer NOT NULL, -- answered, outbound ones too
    outbound integer NOT NULL,
    talks    integer NOT NULL, -- of those handled, whose talk is known; hold and wrap-up of the same
    talk_s   bigint NOT NULL,
    hold_s   bigint NOT NULL,
    wrap_s   bigint NOT NULL,
    timed    integer NOT NULL, -- of these, whose beginning and end are known; of them the first and the last
    begins   timestamptz,
    finishes timestamptz,
    by_hour  bigint[] NOT NULL -- rows of hour, handled, outbound, talks, talk_s, hold_s, wrap_s; hours as in insights_hour
);
-- not unique by what a row is of, because no index holds what tells of people
CREATE INDEX insights_agent_by_cell ON insights_agent (org_id, day, queue_id) INCLUDE (items);
ALTER TABLE insights_agent ALTER COLUMN agent SET STATISTICS 0, ALTER COLUMN sample SET STATISTICS 0,
    ALTER COLUMN begins SET STATISTICS 0, ALTER COLUMN finishes SET STATISTICS 0, ALTER COLUMN by_hour SET STATISTICS 0;
SELECT ebbtide_protect('insights_agent');

-- Name an agent without saying who it is: a hash with the organization's secret.
CREATE FUNCTION insights_agent_key(pepper bytea, name text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(substring(sha256(pepper || convert_to('agent ' || name, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid
$$;

-- Add up what agents handled in some cells, given as pairs: as insights_hours_of does, whose remarks hold here too.
CREATE FUNCTION insights_agents_of(days date[], queues integer[], zone text, pepper bytea) RETURNS SETOF insights_agent
    LANGUAGE sql STABLE AS $$
    SELECT h.org_id, h.day, h.queue_id, h.channel, insights_agent_key(pepper, h.name), min(h.sample)::uuid,
        sum(h.items)::integer, sum(h.handled)::integer, sum(h.outbound)::integer, sum(h.talks)::integer,
        sum(h.talk_s)::bigint, sum(h.hold_s)::bigint, sum(h.wrap_s)::bigint, sum(h.timed)::integer,
        min(h.begins), max(h.finishes),
        coalesce(array_agg(ARRAY[h.hour::bigint, h.handled, h.outbound, h.talks, h.talk_s, h.hold_s, h.wrap_s] ORDER BY h.hour)
            FILTER (WHERE h.handled > 0), '{}')
    FROM (
        SELECT s.org_id, s.day, s.queue_id, s.channel, l.name, l.hour, min(s.id::text COLLATE "C") AS sample,
            count(*) AS items,
            count(*) FILTER (WHERE l.handled)::integer AS handled,
            count(*) FILTER (WHERE l.handled AND s.direction = 'outbound')::integer AS outbound,
            count(*) FILTER (WHERE l.talked)::integer AS talks,
            coalesce(sum(s.talk_s) FILTER (WHERE l.talked), 0)::bigint AS talk_s,
            coalesce(sum(s.hold_s) FILTER (WHERE l.talked), 0)::bigint AS hold_s,
            coalesce(sum(s.wrap_s) FILTER (WHERE l.talked), 0)::bigint AS wrap_s,
            count(*) FILTER (WHERE t.begins IS NOT NULL AND t.finishes IS NOT NULL)::integer AS timed,
            min(t.begins) AS begins, max(t.finishes) AS finishes
        FROM unnest(days, queues) AS d (day, queue_id)
        JOIN insights_segment s ON s.org_id = ebbtide_org() AND s.day = d.day AND s.queue_id = d.queue_id
        CROSS JOIN LATERAL (
            SELECT coalesce(s.queued_at, s.answered_at, s.ended_at) AT TIME ZONE zone AS entered) e
        CROSS JOIN LATERAL (
            SELECT s.outcome IS NOT DISTINCT FROM 'answered' AS handled,
                s.outcome IS NOT DISTINCT FROM 'answered' AND s.talk_s IS NOT NULL AS talked,
                CASE WHEN s.outcome = 'answered' THEN nullif(s.agent, '') END AS name,
                CASE WHEN e.entered IS NULL OR e.entered < s.day THEN 0 WHEN e.entered >= s.day + 1 THEN 23
                    ELSE extract(hour FROM e.entered) END::integer AS hour) l
        -- talk and hold lie between answer and end; where one of the two is not known it is reckoned from the other
        CROSS JOIN LATERAL (
            SELECT CASE WHEN l.talked THEN coalesce(s.answered_at,
                    s.ended_at - make_interval(secs => s.talk_s + coalesce(s.hold_s, 0))) END AS begins,
                CASE WHEN l.talked THEN coalesce(s.ended_at,
                    s.answered_at + make_interval(secs => s.talk_s + coalesce(s.hold_s, 0)))
                    + make_interval(secs => coalesce(s.wrap_s, 0)) END AS finishes) t
        WHERE s.day = ANY (days)
        GROUP BY s.org_id, s.day, s.queue_id, s.channel, l.name, l.hour) h
    GROUP BY h.org_id, h.day, h.queue_id, h.channel, h.name
$$;

-- They are made, and die, together with all other sums of a cell: see days.sql.
