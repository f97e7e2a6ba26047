"""Queues, and the cells that count what each holds.

Cells are written by nobody but the triggers on the data tables and the purge functions, in the transaction that
writes or deletes the rows; that is why no service here touches them.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class Queue(models.Model):
    """A queue (shown as "Q") of an organization. An archived one keeps its data and stays in reach of jobs."""

    id = models.AutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    name = models.TextField()
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="queue_name_once", fields=["org", "name"])]

    def __str__(self) -> str:
        return self.name


class Cell(models.Model):
    """Items and bytes of one (org, queue, day, data type); the row goes when the last item goes."""

    pk = models.CompositePrimaryKey("org", "day", "data_type", "queue")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    day = models.DateField()
    data_type = models.TextField()
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="cell_items", condition=models.Q(items__gt=0)),
            models.CheckConstraint(name="cell_bytes", condition=models.Q(bytes__gte=0)),
        ]
        # what pages add up for a Q: a stretch of days, answered from the index alone
        indexes: ClassVar = [
            models.Index(name="cell_by_queue", fields=["org", "queue", "data_type", "day"], include=["items", "bytes"])
        ]


class PurgedLine(models.Model):
    """The purged line of a (queue, data type): data of a day before `before` is late and never becomes live."""

    pk = models.CompositePrimaryKey("org", "queue", "data_type")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    data_type = models.TextField()
    before = models.DateField()
