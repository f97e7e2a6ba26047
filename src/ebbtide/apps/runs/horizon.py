"""What is left elsewhere of what a run purged, and until when: dead rows in files, the write-ahead log, backups.

The files are known exactly (the database writes down where deletions left something), and a worker writes them anew
within a day. The log's date is read off the server's own settings: old segments that are removed and not kept for reuse
are gone after two checkpoints and one segment's worth of writing, which a worker's own heartbeats bring about in a day.
How long backups are kept only the operator can say.
"""

from datetime import timedelta

from django.conf import settings
from django.db import connections

from ebbtide.apps.orgs.database import WEB, mapped_errors
from ebbtide.apps.runs.models import Run
from ebbtide.engine.admit import Mode
from ebbtide.web.context.runs import HorizonNote

_ANEW = timedelta(days=1)
_LOG = timedelta(days=1)

# Segments kept for replicas or for reuse keep what is in them for as long as nobody writes over it.
_SERVER = """
    SELECT (SELECT count(*) FROM insights_residue r WHERE r.run = %s),
        (SELECT max(r.at) FROM insights_residue r WHERE r.run = %s),
        current_setting('wal_recycle') = 'off' AND current_setting('wal_keep_size') IN ('0', '0MB')
            AND NOT EXISTS (SELECT 1 FROM pg_replication_slots),
        current_setting('checkpoint_timeout')::interval
"""


def horizon_of(run: Run) -> HorizonNote | None:
    """Say what is left elsewhere of what a run purged; expects an open transaction in its organization.

    Args:
        run: as its row was read.

    Returns:
        The note; None where the run purged nothing or has not ended.
    """
    if run.mode != Mode.LIVE or run.ended_at is None or not run.purged:
        return None
    with mapped_errors(), connections[WEB].cursor() as cursor:
        cursor.execute(_SERVER, [run.id, run.id])
        files, newest, is_removed, checkpoint = cursor.fetchone()
    files_until = newest + _ANEW if files else None
    kept: int | None = settings.EBBTIDE_BACKUP_DAYS
    # the files' own pages may be written to the log until they are written anew
    rid = files_until or run.ended_at
    return HorizonNote(
        files=files,
        files_until=files_until,
        log_until=rid + max(_LOG, 2 * checkpoint) if is_removed else None,
        backups_until=rid + timedelta(days=kept) if kept else None,
        no_backups=kept == 0,
    )


def told(note: HorizonNote | None) -> dict[str, object] | None:
    """Give the note's JSON form."""
    if note is None:
        return None
    return {
        "until": note.until,
        "days_with_dead_rows": note.files,
        "dead_rows_until": note.files_until,
        "write_ahead_log_until": note.log_until,
        "backups": "none" if note.no_backups else "not_said" if note.backups_until is None else "kept",
        "backups_until": note.backups_until,
    }


def in_words(note: HorizonNote) -> str:
    """Say the note in a few words, for the command line."""
    said = []
    if note.files_until is not None:
        said.append(
            f"dead rows in the files of {note.files} days, written anew by {note.files_until:%Y-%m-%d %H:%M} UTC"
        )
    if note.log_until is None:
        said.append("the database's log without a date (see docs/storage.md)")
    else:
        said.append(f"the database's log until {note.log_until:%Y-%m-%d %H:%M} UTC")
    if note.no_backups:
        said.append("no backups are made")
    elif note.backups_until is None:
        said.append("backups for as long as you keep them (EBBTIDE_BACKUP_DAYS is not set)")
    else:
        said.append(f"backups until {note.backups_until:%Y-%m-%d}")
    return "; ".join(said)
