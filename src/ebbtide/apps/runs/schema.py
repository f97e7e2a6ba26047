"""The database's shape: brought up to date by the owner, with every privilege given anew."""

from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ebbtide.apps.orgs.database import OWNER, WEB, mapped_errors

_MIGRATING = 7_103
_GRANTS = Path(__file__).parent / "sql" / "grants.sql"


def pending() -> bool:
    """Whether the database lacks migrations of this version.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with mapped_errors():
        executor = MigrationExecutor(connections[WEB])
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate() -> None:
    """Apply migrations as the owner, then take away and give again every privilege by name; one process at a time.

    Raises:
        DatabaseUnreachable: PostgreSQL does not answer.
    """
    with mapped_errors(), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATING])
        try:
            call_command("migrate", database=OWNER, verbosity=0, interactive=False)
            cursor.execute(_GRANTS.read_text())
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATING])
