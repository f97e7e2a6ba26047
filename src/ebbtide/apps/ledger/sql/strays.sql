-- This page of the book, too, is only ever added to.

SELECT ebbtide_protect('ledger_strayentry');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_strayentry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
