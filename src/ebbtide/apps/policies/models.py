"""Retention jobs as rows, and the history of every change to them.

A deleted job keeps its row (`deleted_at`): the book names jobs for ever. The database refuses what the form refuses:
days outside 1..5000, a Global job with a selection, another organization's queue.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.models import Organization


class RetentionJob(models.Model):
    """One job; `version` grows with every change, so that two people cannot overwrite each other unseen.

    A paused job is as if it were not there; `ebbtide.apps.policies.selectors.jobs` says which ones count.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    type = models.TextField()
    what = models.TextField()
    days = models.IntegerField()
    version = models.IntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="job_days", condition=models.Q(days__gte=1, days__lte=5000)),
            models.CheckConstraint(
                name="job_reach",
                condition=models.Q(type="global", what="all") | models.Q(type="queue", what__in=["all", "desktop"]),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="job_live", fields=["org"], condition=models.Q(deleted_at__isnull=True)),
        ]


class JobQueue(models.Model):
    """A queue that a Q job names; both of one organization, by foreign keys that carry it."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    job = models.ForeignKey(RetentionJob, on_delete=models.PROTECT, db_constraint=False, related_name="named")
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, db_index=False, db_constraint=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="job_queue_once", fields=["org", "job", "queue"])]


class JobChange(models.Model):
    """One change of a job: who, when, before and after (None: did not exist). Append-only."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    job_id = models.BigIntegerField()
    actor = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(name="job_change_by_job", fields=["org", "job_id", "at"])]
