"""Exports, and which cells are in each.

DANGER: an archive is a store of the cells it holds. Whatever takes one of them condemns the archive in the same
transaction, by triggers (`sql/rules.sql`); a condemned archive is served to nobody, and the worker destroys it.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization

FORMATS = ("csv", "parquet")


class Export(models.Model):
    """What somebody asked for, and how far it is.

    Attributes:
        first, last: org-local days, both included.
        queues, types: numbers of the Qs, and the data types.
        key: of the archive that is being written or stands; written here before the first byte leaves. Empty: there is
            none.
        attempts: how often it was begun.
        retry_at: not before then, after an attempt that failed.
        cells, items, bytes: what there was to take when it was begun.
        items_done, bytes_done: of these.
        size_checked: bytes of the archive read back so far; NULL while it is being written.
        ready_at: when it was checked whole; from then on it can be downloaded.
        condemned_at, condemned_why: from then on nobody gets it: purged, changed, expired or deleted.
        condemned_run: the live run that took one of its cells.
        gone_at: when the store was seen to hold nothing of it any more.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    first = models.DateField()
    last = models.DateField()
    queues = ArrayField(models.IntegerField())
    types = ArrayField(models.TextField())
    format = models.TextField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField(db_default=Now())
    key = models.TextField(default="")
    attempts = models.SmallIntegerField(default=0)
    begun_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    cells = models.IntegerField(default=0)
    items = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    items_done = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    size_checked = models.BigIntegerField(null=True)
    files = models.IntegerField(default=0)
    size = models.BigIntegerField(default=0)
    sha256 = models.BinaryField(null=True)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.TextField(default="")
    failed_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    condemned_at = models.DateTimeField(null=True)
    condemned_why = models.TextField(default="")
    condemned_by = models.TextField(default="")
    condemned_run = models.BigIntegerField(null=True)
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            # one at a time of each organization: the second that asks is told, by the database itself
            models.UniqueConstraint(
                name="export_one_at_a_time",
                fields=["org"],
                condition=models.Q(ready_at__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True),
            ),
            models.CheckConstraint(name="export_days", condition=models.Q(first__lte=models.F("last"))),
            models.CheckConstraint(name="export_format", condition=models.Q(format__in=FORMATS)),
            models.CheckConstraint(
                name="export_why",
                condition=models.Q(condemned_why__in=["", "purged", "changed", "expired", "deleted"]),
            ),
            models.CheckConstraint(
                name="export_expires", condition=models.Q(ready_at__isnull=True) | models.Q(expires_at__isnull=False)
            ),
        ]
        indexes: ClassVar = [models.Index(name="export_by_org", fields=["org", "-id"])]


class Taken(models.Model):
    """The cells of one day and data type that are in an archive; counts alone, and it goes with the archive.

    `queues`, `items` and `bytes` are of equal length.
    """

    pk = models.CompositePrimaryKey("org", "day", "data_type", "export")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    # what a purge asks by, hence this order
    day = models.DateField()
    data_type = models.TextField()
    export = models.ForeignKey(Export, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    queues = ArrayField(models.IntegerField())
    items = ArrayField(models.BigIntegerField())
    bytes = ArrayField(models.BigIntegerField())
