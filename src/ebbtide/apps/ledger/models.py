"""The book: one line for each cell of each batch that a live run carried out.

It outlives what it tells of, holds nothing personal, and no role of the product may update or delete it; only the purge
functions write it, in the transaction that deletes. Runs and jobs are named by number, without foreign keys: the book
stands alone.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class StrayEntry(models.Model):
    """Objects without a row that were found in a purged cell and destroyed, a line for each cell and reconciliation.

    A page of its own: no run planned them, so they are in no run's numbers. `run_id` is the run that purged the cell;
    `bytes` is NULL where the store did not tell the size of each.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    run_id = models.BigIntegerField()
    queue_id = models.IntegerField()
    day = models.DateField()
    data_type = models.TextField()
    items = models.BigIntegerField()
    bytes = models.BigIntegerField(null=True)
    first_seen_at = models.DateTimeField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="stray_items", condition=models.Q(items__gt=0))]
        indexes: ClassVar = [models.Index(name="stray_by_cell", fields=["org", "queue_id", "data_type", "day"])]


class Entry(models.Model):
    """What happened to (part of) a cell in one batch.

    `outcome`: purged | already_gone, written with the deletion; kept | failed, written once when the run ends, with the
    reason.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    run_id = models.BigIntegerField()
    batch = models.IntegerField()
    queue_id = models.IntegerField()
    day = models.DateField()
    data_type = models.TextField()
    job_id = models.BigIntegerField()
    outcome = models.TextField()
    reason = models.TextField(default="")
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="entry_outcome",
                condition=models.Q(outcome__in=["purged", "already_gone", "kept", "failed"]),
            ),
            models.CheckConstraint(name="entry_items", condition=models.Q(items__gt=0, bytes__gte=0)),
        ]
        indexes: ClassVar = [
            models.Index(name="entry_by_run", fields=["org", "run_id", "batch"]),
            models.Index(name="entry_by_cell", fields=["org", "queue_id", "data_type", "day"]),
            models.Index(
                name="entry_by_job", fields=["org", "job_id", "run_id"], include=["outcome", "items", "bytes"]
            ),
        ]
