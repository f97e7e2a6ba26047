"""What an organization sets for its reports."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.models import Organization
from ebbtide.domain.measures import THRESHOLDS


class ServiceTarget(models.Model):
    """Within how many seconds a Q's segments are to be answered; a Q without a row has the default."""

    pk = models.CompositePrimaryKey("org", "queue")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    seconds = models.SmallIntegerField()
    set_by = models.TextField()
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="target_seconds", condition=models.Q(seconds__in=THRESHOLDS)),
        ]
