"""Rows that are kept apart, as pages look at them. All else of the reporting tables is read and written in SQL alone.

The table is made by `sql/rules.sql`; Django only reads it, and never its whole content, which holds personal values.
"""

from typing import ClassVar

from django.db import models

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.models import Organization


class SetAsideRow(models.Model):
    """A row without a place among the live ones: undatable, with its content, or late, without."""

    id = models.BigIntegerField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.DO_NOTHING, db_index=False)
    segment_id = models.UUIDField()
    kind = models.TextField()
    reason = models.TextField()
    queue = models.ForeignKey(Queue, on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False)
    day = models.DateField(null=True)
    content = models.JSONField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "insights_setaside"
        constraints: ClassVar = []
