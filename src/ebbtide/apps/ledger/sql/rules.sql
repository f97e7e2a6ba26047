-- The book is only ever added to. Privileges say so for the product's roles, this trigger for everybody else.

SELECT ebbtide_protect('ledger_entry');
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the book is append-only' USING ERRCODE = 'EB403';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
