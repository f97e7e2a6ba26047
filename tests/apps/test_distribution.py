"""What a distributed PostgreSQL (Citus) asks of the tables, read from the catalogue: the organization in every key."""

import pytest
from django.db import connections

from ebbtide.apps.orgs.database import OWNER

pytestmark = pytest.mark.usefixtures("database")

_KEYS = """
    SELECT t.relname, i.relname, array_agg(a.attname::text ORDER BY k.place)
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
    WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition AND EXISTS (
        SELECT 1 FROM pg_attribute o WHERE o.attrelid = t.oid AND o.attname = 'org_id')
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_REFERENCES = """
    SELECT c.conrelid::regclass::text, c.confrelid::regclass::text, array(
        SELECT a.attname::text FROM unnest(c.conkey) AS k (n) JOIN pg_attribute a
            ON a.attrelid = c.conrelid AND a.attnum = k.n)
    FROM pg_constraint c WHERE c.contype = 'f' AND c.conparentid = 0 AND EXISTS (
        SELECT 1 FROM pg_attribute o WHERE o.attrelid = c.confrelid AND o.attname = 'org_id')
    ORDER BY 1, 2
"""
NUMBERED = {("id",)}
"""A number from a sequence: unique by itself, and nothing looks it up without its organization. Distributed, the key
becomes (org_id, id), which no statement notices (ADR 16)."""
BY_NUMBER_ALONE = {
    ("accounts_invitation", "orgs_membership"),
    ("orgs_groupmember", "orgs_group"),
    ("orgs_groupmember", "orgs_membership"),
    ("policies_jobqueue", "catalog_queue"),
    ("policies_jobqueue", "policies_retentionjob"),
}
"""References to a number alone, by Django's own foreign keys; distributed they need the organization beside it."""


def asked(query: str) -> list[tuple[str, str, list[str]]]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def test_every_unique_key_of_an_organizations_table_has_the_organization_in_it() -> None:
    keys = asked(_KEYS)
    assert len(keys) > 30
    without = {(table, key): columns for table, key, columns in keys if "org_id" not in columns}
    assert {name: columns for name, columns in without.items() if tuple(columns) not in NUMBERED} == {}


def test_references_between_their_tables_carry_the_organization() -> None:
    without = {(source, target) for source, target, columns in asked(_REFERENCES) if "org_id" not in columns}
    assert without <= BY_NUMBER_ALONE, "a new reference by number alone"
