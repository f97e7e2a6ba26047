-- Report rows, range-partitioned by org-local day (docs/adr/0003-daily-partitions.md).
--
-- A segment's id is a keyed hash of its source key, so that it names the row without saying whose it is. That an id was seen
-- is remembered in insights_identity, also after the row itself is purged: a purged call never comes back, whatever date a
-- later file gives it. The source key itself lives in the row alone and goes with it.

CREATE TABLE insights_segment (
    org_id      integer NOT NULL,
    queue_id    integer NOT NULL,
    day         date NOT NULL,
    id          uuid NOT NULL,
    source_key  text NOT NULL,
    interaction text,
    channel     text NOT NULL CHECK (channel IN ('voice', 'chat', 'email', 'sms', 'other')),
    direction   text CHECK (direction IN ('inbound', 'outbound', 'internal')),
    customer    text,
    agent       text,
    queued_at   timestamptz,
    answered_at timestamptz,
    ended_at    timestamptz,
    wait_s      integer CHECK (wait_s >= 0),
    talk_s      integer CHECK (talk_s >= 0),
    hold_s      integer CHECK (hold_s >= 0),
    wrap_s      integer CHECK (wrap_s >= 0),
    outcome     text CHECK (outcome IN ('answered', 'abandoned', 'flowed_out', 'callback')),
    transfer    text,
    disposition text,
    attributes  json, -- kept as it came: it is read row by row, never searched by index
    flags       text,
    -- the row's content: 100 bytes for its fixed columns, and the length of its texts
    bytes       integer NOT NULL GENERATED ALWAYS AS (
        100 + octet_length(source_key) + coalesce(octet_length(interaction), 0) + coalesce(octet_length(customer), 0)
        + coalesce(octet_length(agent), 0) + coalesce(octet_length(transfer), 0)
        + coalesce(octet_length(disposition), 0) + coalesce(octet_length(attributes::text), 0)) STORED
) PARTITION BY RANGE (day);
-- what a purge and a queue's report lean on
CREATE INDEX insights_segment_by_queue ON insights_segment (org_id, queue_id);

CREATE TABLE insights_event (
    org_id     integer NOT NULL,
    queue_id   integer NOT NULL,
    day        date NOT NULL,
    segment_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL
) PARTITION BY RANGE (day);
CREATE INDEX insights_event_by_queue ON insights_event (org_id, queue_id);

-- Every id ever seen. queue_id and day: where the row is or was; both NULL where it could not be dated.
CREATE TABLE insights_identity (
    org_id   integer NOT NULL,
    id       uuid NOT NULL,
    queue_id integer,
    day      date,
    PRIMARY KEY (org_id, id)
);

-- Rows kept apart: undatable ones with their content, never purged silently; of late ones the fact alone, because content
-- that was purged must not come back by another door.
CREATE TABLE insights_setaside (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      integer NOT NULL REFERENCES orgs_organization (id),
    segment_id  uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('undatable', 'late')),
    reason      text NOT NULL,
    queue_id    integer,
    day         date,
    content     jsonb CHECK (kind = 'undatable' OR content IS NULL),
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (org_id, segment_id, kind)
);

SELECT ebbtide_protect('insights_segment');
SELECT ebbtide_protect('insights_event');
SELECT ebbtide_protect('insights_identity');
SELECT ebbtide_protect('insights_setaside');
CALL catalog_keep_count('insights_segment', '''insights''');

-- Samples of personal columns never land in pg_statistic.
CREATE FUNCTION insights_no_samples(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ', target) || (
        SELECT string_agg(format('ALTER COLUMN %I SET STATISTICS 0', attname), ', ')
        FROM pg_attribute WHERE attrelid = target AND attnum > 0
            AND attname IN ('id', 'segment_id', 'source_key', 'interaction', 'customer', 'agent', 'transfer',
                            'disposition', 'attributes', 'content'));
END $$;
SELECT insights_no_samples('insights_segment');
SELECT insights_no_samples('insights_event');
SELECT insights_no_samples('insights_identity');
SELECT insights_no_samples('insights_setaside');

-- Make the partitions for these days where they are missing. Made aside and attached, because ATTACH stops neither readers
-- nor writers of the other days, as CREATE ... PARTITION OF would.
CREATE FUNCTION insights_ensure_days(days date[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wanted date;
    parent text;
    part text;
    made integer := 0;
BEGIN
    FOR wanted IN
        SELECT DISTINCT d FROM unnest(days) d
        WHERE to_regclass('insights_segment_' || to_char(d, 'YYYYMMDD')) IS NULL ORDER BY d
    LOOP
        IF wanted < DATE '1971-01-01' OR wanted > current_date + 4 THEN
            RAISE EXCEPTION 'no segment can have ended on %', wanted USING ERRCODE = 'EB400';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('insights_ensure_days'));
        FOREACH parent IN ARRAY ARRAY['insights_segment', 'insights_event'] LOOP
            part := parent || '_' || to_char(wanted, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING CONSTRAINTS INCLUDING GENERATED)', part, parent);
            PERFORM ebbtide_protect(part::regclass), insights_no_samples(part::regclass);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, part, wanted, wanted + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
