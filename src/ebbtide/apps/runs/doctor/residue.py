"""What deletions leave behind in the database's own files, and whether it goes in time."""

from datetime import datetime, timedelta

from django.db import connections

from ebbtide.apps.orgs.database import SWEEP, mapped_errors
from ebbtide.apps.runs.doctor.finding import NAMED, Finding, Question

_PATIENCE = timedelta(days=2)
"""A partition is written anew within a day; the second is for a worker that was down."""

_LEFT = Question(
    "DEAD",
    "What deletions left in the files of a day, or of the words of transcripts, is gone within two days.",
    "run `ebbtide settle`; see that workers run, that the kill switch is off and that nobody reads without end",
)
_SAMPLED = Question(
    "SAMP",
    "The database keeps no samples of personal columns, and no index of them.",
    "run `ebbtide migrate`; if it does not help, SET STATISTICS 0 on the column and drop the index",
)
PERSONAL = (
    "source_key", "interaction", "customer", "agent", "transfer", "disposition", "attributes", "flags", "content",
    "queued_at", "answered_at", "ended_at", "at",
)  # fmt: skip
"""Columns of report rows, of their events and of rows kept apart that tell of people."""

_OVERDUE = """
    SELECT left_in || ' since ' || date_trunc('minute', min(at)) || ', of ' || count(*) || of FROM (
        SELECT day::text AS left_in, at, ' runs' AS of FROM insights_residue
        UNION ALL SELECT 'words ' || piece, at, ' deletions' FROM media_residue) AS residue
    WHERE at < %s GROUP BY left_in, of ORDER BY left_in
"""
_KEPT = """
    WITH personal AS (
        SELECT c.oid, c.relname, a.attname, a.attnum, a.attstattarget FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
            AND (a.attname = ANY (%s) OR (a.attname = 'kind' AND c.relname LIKE 'insights_event%%'))
            AND (c.relname = 'insights_setaside' OR c.relname ~ '^insights_(segment|event)(_[0-9]{8})?$')
    )
    SELECT p.relname || '.' || p.attname || ' is sampled' FROM personal p WHERE p.attstattarget IS DISTINCT FROM 0
    UNION ALL
    SELECT p.relname || '.' || p.attname || ' is in the index ' || i.indexrelid::regclass FROM personal p
    JOIN pg_index i ON i.indrelid = p.oid AND p.attnum = ANY (i.indkey) ORDER BY 1
"""


def examine(*, now: datetime) -> list[Finding]:
    """Look at the files' own keeping of what was deleted.

    Args:
        now: the present moment (UTC).
    """
    findings = []
    for question, sql, value in ((_LEFT, _OVERDUE, now - _PATIENCE), (_SAMPLED, _KEPT, list(PERSONAL))):
        opened = question.open()
        with mapped_errors(), connections[SWEEP].cursor() as cursor:
            cursor.execute(sql, [value])
            faults = [said for (said,) in cursor.fetchall()]
        opened.fault(faults[:NAMED], of=len(faults))
        findings.append(opened.close())
    return findings
