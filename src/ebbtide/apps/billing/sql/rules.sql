-- Usage is booked by one function, which counts for itself and is told no number, and never changes afterwards.

SELECT ebbtide_protect('billing_meteredday');
SELECT ebbtide_protect('billing_usage');
SELECT ebbtide_protect('billing_closedstatement');
CREATE POLICY platform ON billing_meteredday FOR SELECT USING (ebbtide_is_platform());
CREATE POLICY platform ON billing_usage FOR SELECT USING (ebbtide_is_platform());
CREATE POLICY platform ON billing_closedstatement FOR SELECT USING (ebbtide_is_platform());
-- Rate cards: an organization reads its own and the platform's; the operator alone writes any.
ALTER TABLE billing_ratecardversion ENABLE ROW LEVEL SECURITY;
ALTER TABLE billing_ratecardversion FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON billing_ratecardversion
    USING (org_id = ebbtide_org()) WITH CHECK (org_id = ebbtide_org() AND ebbtide_is_platform());
CREATE POLICY platforms ON billing_ratecardversion FOR SELECT USING (org_id IS NULL AND ebbtide_org() IS NOT NULL);
CREATE POLICY platform ON billing_ratecardversion FOR SELECT USING (ebbtide_is_platform());
CREATE POLICY platform_adds ON billing_ratecardversion FOR INSERT
    WITH CHECK (org_id IS NULL AND ebbtide_is_platform());

ALTER TABLE billing_meteredday ADD CONSTRAINT metered_positive CHECK (items >= 0 AND bytes >= 0);
ALTER TABLE billing_usage
    ADD CONSTRAINT usage_of_day FOREIGN KEY (org_id, "on") REFERENCES billing_meteredday (org_id, "on"),
    ADD CONSTRAINT usage_data_type CHECK (data_type IN ('insights', 'audio', 'transcript', 'desktop')),
    ADD CONSTRAINT usage_in_step CHECK (cardinality(days) = cardinality(day_bytes));
ALTER TABLE billing_ratecardversion
    ADD CONSTRAINT card_whole CHECK ((currency IS NULL) = (prices IS NULL)),
    ADD CONSTRAINT card_of_platform_has_prices CHECK (org_id IS NOT NULL OR prices IS NOT NULL),
    ADD CONSTRAINT card_all_types CHECK (prices IS NULL
        OR (prices ? 'insights' AND prices ? 'audio' AND prices ? 'transcript' AND prices ? 'desktop')),
    -- desktop recordings are always billed
    ADD CONSTRAINT card_bills_desktop CHECK (prices IS NULL OR prices -> 'desktop' ->> 'included_days' IS NULL);
ALTER TABLE billing_closedstatement
    ADD CONSTRAINT statement_of_month CHECK (extract(day FROM month) = 1),
    ADD CONSTRAINT statement_priced CHECK ((currency IS NULL) = (total_minor IS NULL)),
    ADD CONSTRAINT statement_hashed CHECK (sha256 = sha256(convert_to(content, 'UTF8'))),
    ADD CONSTRAINT statement_says_the_same CHECK (
        (content::jsonb ->> 'org')::integer = org_id AND content::jsonb ->> 'month' || '-01' = month::text
        AND content::jsonb ->> 'currency' IS NOT DISTINCT FROM currency
        AND (content::jsonb ->> 'total_minor')::bigint IS NOT DISTINCT FROM total_minor);

CREATE FUNCTION billing_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'usage, rate cards and closed statements are only ever added to' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_meteredday
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_usage
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_ratecardversion
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_closedstatement
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();

-- A month is closed when all of it is metered: the first date of the next one is.
CREATE FUNCTION billing_month_is_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM billing_meteredday m
    WHERE m.org_id = NEW.org_id AND m."on" = (NEW.month + interval '1 month')::date;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the month of % is not over: it cannot be closed', NEW.month USING ERRCODE = 'EB403';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER month_is_over BEFORE INSERT ON billing_closedstatement
    FOR EACH ROW EXECUTE FUNCTION billing_month_is_over();

-- Book what was at rest at the first moment of an org-local date. Dates come one after the other; each is booked once, whoever
-- asks and however often. Cells and journal are read, and the journal is folded, in one statement: one snapshot. What a transaction
-- wrote that had begun before that moment and is not yet committed now stays in the journal and counts from the next date.
-- Gives whether the date was booked now. Error EB403: a date was left out, or lies ahead.
CREATE FUNCTION billing_meter(this date, starts timestamptz) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last billing_meteredday;
    first_of_month boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(7104, ebbtide_org()); -- two workers at once: the second waits, and finds it booked
    SELECT * INTO last FROM billing_meteredday m WHERE m.org_id = ebbtide_org() ORDER BY m."on" DESC LIMIT 1;
    IF last."on" >= this THEN
        RETURN false;
    END IF;
    IF starts > now() OR last."on" + 1 <> this OR last.starts_at > starts THEN
        RAISE EXCEPTION '% cannot be metered now: dates are booked one after the other, when they have begun', this
            USING ERRCODE = 'EB403';
    END IF;
    first_of_month := last."on" IS NULL OR extract(day FROM this) = 1;
    WITH folded AS (
        DELETE FROM catalog_cellchange c WHERE c.org_id = ebbtide_org() AND c.at < starts
        RETURNING c.day, c.data_type, c.queue_id, c.bytes
    ), state AS (
        SELECT s.data_type, s.queue_id, s.day, sum(s.items)::bigint AS items, sum(s.bytes)::bigint AS bytes FROM (
            SELECT c.data_type, c.queue_id, c.day, c.items, c.bytes FROM catalog_cell c WHERE c.org_id = ebbtide_org()
            UNION ALL
            SELECT c.data_type, c.queue_id, c.day, -c.items, -c.bytes FROM catalog_cellchange c
            WHERE c.org_id = ebbtide_org() AND c.at >= starts) s
        GROUP BY 1, 2, 3 HAVING sum(s.items) <> 0 OR sum(s.bytes) <> 0
    ), moved AS (
        SELECT f.data_type, f.queue_id, f.day, sum(f.bytes)::bigint AS bytes,
            sum(f.bytes) FILTER (WHERE f.bytes > 0)::bigint AS came, -sum(f.bytes) FILTER (WHERE f.bytes < 0)::bigint AS gone
        FROM folded f GROUP BY 1, 2, 3
    ), at_rest AS (
        SELECT s.data_type, s.queue_id, sum(s.items)::bigint AS items, sum(s.bytes)::bigint AS bytes,
            array_agg(s.day ORDER BY s.day) FILTER (WHERE s.bytes <> 0) AS days,
            array_agg(s.bytes ORDER BY s.day) FILTER (WHERE s.bytes <> 0) AS day_bytes
        FROM state s GROUP BY 1, 2
    ), difference AS (
        SELECT m.data_type, m.queue_id, sum(m.came)::bigint AS came, sum(m.gone)::bigint AS gone,
            array_agg(m.day ORDER BY m.day) FILTER (WHERE m.bytes <> 0) AS days,
            array_agg(m.bytes ORDER BY m.day) FILTER (WHERE m.bytes <> 0) AS day_bytes
        FROM moved m GROUP BY 1, 2
    ), head AS (
        INSERT INTO billing_meteredday (org_id, "on", starts_at, whole, items, bytes)
        SELECT ebbtide_org(), this, starts, first_of_month, coalesce(sum(r.items), 0), coalesce(sum(r.bytes), 0)
        FROM at_rest r
    )
    INSERT INTO billing_usage (org_id, "on", data_type, queue_id, items, bytes, came_bytes, gone_bytes, days, day_bytes)
    SELECT ebbtide_org(), this, data_type, queue_id, coalesce(r.items, 0), coalesce(r.bytes, 0),
        coalesce(d.came, 0), coalesce(d.gone, 0),
        coalesce(CASE WHEN first_of_month THEN r.days ELSE d.days END, '{}'),
        coalesce(CASE WHEN first_of_month THEN r.day_bytes ELSE d.day_bytes END, '{}')
    FROM at_rest r FULL JOIN difference d USING (data_type, queue_id)
    ORDER BY data_type, queue_id;
    RETURN true;
END $$;

-- Byte-days of a month by Q and data type: all, and those that are billed when data of up to `included` days of age costs nothing
-- (NULL: all are). An entry that was booked on a date counts on that date and on each later one of the month.
CREATE FUNCTION billing_byte_days(first_day date, last_day date, kinds text[], included integer[])
    RETURNS TABLE (data_type text, queue_id integer, byte_days numeric, billed_byte_days numeric)
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH span AS (
        SELECT max(m."on") AS last FROM billing_meteredday m
        WHERE m.org_id = ebbtide_org() AND m."on" BETWEEN first_day AND last_day
    ), asked AS (
        SELECT k.kind, k.age FROM unnest(kinds, included) AS k (kind, age)
    )
    SELECT u.data_type, u.queue_id, sum(u.bytes) AS byte_days,
        CASE WHEN a.age IS NULL THEN sum(u.bytes)
            ELSE sum((SELECT coalesce(sum(e.bytes::numeric
                        * greatest(0, s.last - greatest(u."on", e.day + a.age + 1) + 1)), 0)
                    FROM unnest(u.days, u.day_bytes) AS e (day, bytes))) END
    FROM billing_usage u JOIN asked a ON a.kind = u.data_type CROSS JOIN span s
    WHERE u.org_id = ebbtide_org() AND u."on" BETWEEN first_day AND last_day
    GROUP BY u.data_type, u.queue_id, a.age
    ORDER BY u.data_type, u.queue_id
$$;
