-- Budgets are versions, and alerts are told once: neither is changed afterwards. Positions are one row each, kept up to date.

SELECT ebbtide_protect('billing_budget');
SELECT ebbtide_protect('billing_budgetalert');
SELECT ebbtide_protect('billing_position');
CREATE POLICY platform ON billing_position FOR SELECT USING (ebbtide_is_platform()); -- sums alone; nothing of the data
ALTER TABLE billing_budget
    ADD CONSTRAINT budget_whole CHECK ((currency IS NULL) = (minor IS NULL)),
    ADD CONSTRAINT budget_positive CHECK (minor > 0);
ALTER TABLE billing_budgetalert
    ADD CONSTRAINT alert_of_month CHECK (extract(day FROM month) = 1),
    ADD CONSTRAINT alert_percent CHECK (percent IN (80, 100)),
    ADD CONSTRAINT alert_reached CHECK (forecast_minor * 100 >= budget_minor * percent);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_budget
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_budgetalert
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
