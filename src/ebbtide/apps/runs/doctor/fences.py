"""The fences in the database itself: row-level security, roles, privileges, and what the book can hold.

Read from the catalogue, so that a table or partition nobody thought of is seen.
"""

from collections.abc import Sequence

from django.db import connections

from ebbtide.apps.orgs.database import SWEEP, WEB, mapped_errors, refuse_unsafe_roles
from ebbtide.apps.runs.doctor.finding import NAMED, Finding, Question
from ebbtide.domain.errors import UnsafeRole

BOOK_COLUMNS = (
    "id", "org_id", "run_id", "batch", "queue_id", "day", "data_type", "job_id", "outcome", "reason", "items", "bytes",
    "at",
)  # fmt: skip
"""All that the book says. None of it is personal; a new column is put here by somebody who has asked that of it."""

DELETABLE = ("media_upload", "orgs_group", "orgs_groupmember", "orgs_membership", "policies_jobqueue")
"""The tenant tables from which a role of the product may delete; none of them holds data, counts or the book."""

_IMPERSONAL = Question(
    "I10",
    "The book has no column that could hold personal data.",
    "take the new column out again, or show that it is impersonal and put it into the list",
)
_FENCED = Question(
    "RLS",
    "Every tenant table and partition stands under forced row-level security by organization.",
    "run `ebbtide migrate`; if it does not help, protect the table as the migrations do (ebbtide_protect)",
)
_ROLES = Question(
    "ROLE",
    "No role of the product is a superuser, bypasses row-level security or owns tables it serves.",
    "make the roles as docs/database.md shows and connect with them",
)
_GRANTED = Question(
    "PRIV",
    "Neither web nor sweep may delete or change data, counts, lines, book or flags but through the functions for it.",
    "run `ebbtide migrate`, which takes every privilege away and gives it again by name",
)

_TENANT = """
    SELECT c.oid, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (c.relname = 'orgs_organization'
        OR EXISTS (SELECT 1 FROM pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped))
"""
_UNFENCED = f"""
    WITH tenant AS ({_TENANT}), policy AS (
        SELECT p.polrelid, p.polname, coalesce(pg_get_expr(p.polqual, p.polrelid), '')
            || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') AS said FROM pg_policy p
    )
    SELECT t.relname || ' has no row-level security' FROM tenant t WHERE NOT t.relrowsecurity
    UNION ALL
    SELECT t.relname || ' does not force row-level security on its owner' FROM tenant t WHERE NOT t.relforcerowsecurity
    UNION ALL
    SELECT t.relname || ' has no policy by organization' FROM tenant t
    WHERE NOT EXISTS (SELECT 1 FROM policy p WHERE p.polrelid = t.oid AND p.said LIKE '%ebbtide_org()%')
    UNION ALL
    SELECT t.relname || ' has the policy ' || p.polname || ', which asks for no scope'
    FROM tenant t JOIN policy p ON p.polrelid = t.oid WHERE p.said NOT LIKE '%ebbtide_%'
    UNION ALL
    SELECT c.relname || ' is a view that reads with its owner''s rights' FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
        AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)
    ORDER BY 1
"""  # noqa: S608 - the statement above
_OWNERS = """
    SELECT DISTINCT r.rolname || ' owns tables of the product and ' || CASE WHEN r.rolsuper THEN 'is a superuser'
        ELSE 'bypasses row-level security' END
    FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (r.rolsuper OR r.rolbypassrls)
"""
# `has_any_column_privilege`: a privilege on one column is one too many
_TOO_MUCH = f"""
    WITH tenant AS ({_TENANT}), held AS (
        SELECT r.name AS role, t.relname, t.relispartition, v.name AS privilege FROM tenant t
        CROSS JOIN unnest(%(roles)s::text[]) AS r (name)
        CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS v (name)
        WHERE CASE WHEN v.name IN ('DELETE', 'TRUNCATE') THEN has_table_privilege(r.name, t.oid, v.name)
            ELSE has_any_column_privilege(r.name, t.oid, v.name) END
    )
    SELECT h.role || ' may ' || h.privilege || ' ' || h.relname FROM held h
    WHERE h.relispartition OR h.privilege = 'TRUNCATE'
        OR (h.privilege = 'DELETE' AND NOT h.relname = ANY (%(deletable)s::text[]))
        OR (h.privilege = 'INSERT'
            AND h.relname IN ('catalog_cell', 'catalog_tally', 'catalog_purgedline', 'catalog_cellchange',
                              'ledger_entry', 'orgs_flagchange', 'billing_meteredday', 'billing_usage', 'insights_hour',
                              'insights_day', 'insights_agent', 'insights_summing', 'media_wordset', 'media_words',
                              'media_unindexed', 'exports_taken'))
        OR (h.privilege = 'UPDATE' AND (h.relname LIKE 'insights%%'
            OR h.relname IN ('catalog_cell', 'catalog_tally', 'catalog_purgedline', 'catalog_cellchange',
                             'ledger_entry', 'media_mediaobject', 'runs_planline', 'orgs_flagchange',
                             'activation_request', 'billing_meteredday', 'billing_usage', 'billing_ratecardversion',
                             'billing_closedstatement', 'media_wordset', 'media_words', 'media_unindexed',
                             'exports_taken')))
    UNION ALL
    SELECT r.name || ' may UPDATE orgs_organization.' || f.name FROM unnest(%(roles)s::text[]) AS r (name)
    CROSS JOIN (VALUES ('armed'), ('armed_at'), ('stopped')) AS f (name)
    WHERE has_column_privilege(r.name, 'orgs_organization', f.name, 'UPDATE')
    UNION ALL
    SELECT %(web)s || ' may execute ' || p.proname FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND (p.proname LIKE 'runs%%' OR p.proname = 'orgs_turn')
        AND has_function_privilege(%(web)s, p.oid, 'EXECUTE')
    ORDER BY 1
"""  # noqa: S608 - the statement above


def examine() -> list[Finding]:
    """Look at the database's own fences; the same few queries however much there is."""
    with mapped_errors(), connections[WEB].cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        web: str = cursor.fetchone()[0]
    with mapped_errors(), connections[SWEEP].cursor() as cursor:
        cursor.execute("SELECT current_user::text")
        sweep: str = cursor.fetchone()[0]
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_entry'::regclass AND attnum > 0 "
            "AND NOT attisdropped ORDER BY attname"
        )
        strange = [f"ledger_entry.{name} is new" for (name,) in cursor.fetchall() if name not in BOOK_COLUMNS]
        cursor.execute(_UNFENCED)
        unfenced = [said for (said,) in cursor.fetchall()]
        cursor.execute(_OWNERS)
        unsafe = [said for (said,) in cursor.fetchall()]
        cursor.execute(_TOO_MUCH, {"roles": [web, sweep], "web": web, "deletable": list(DELETABLE)})
        granted = [said for (said,) in cursor.fetchall()]
    try:
        refuse_unsafe_roles()
    except UnsafeRole as exc:
        unsafe.append(exc.message)
    return [
        _told(_IMPERSONAL, strange),
        _told(_FENCED, unfenced),
        _told(_ROLES, unsafe),
        _told(_GRANTED, granted),
    ]


def _told(question: Question, faults: Sequence[str]) -> Finding:
    opened = question.open()
    opened.fault(faults[:NAMED], of=len(faults))
    return opened.close()
