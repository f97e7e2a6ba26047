"""Index rows of objects, and the intents that make uploads leave no trace when they break.

An object without a row would be a recording nobody knows of; so the intent is written first, the object second, and
row and removal of the intent together last. Whatever breaks in between is found by its intent.
"""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.catalog.models import Queue
from ebbtide.apps.orgs.models import Organization


class MediaObject(models.Model):
    """One recording or transcript in the object store.

    `claimed_by` is the live run that has decided to destroy it (the written intent); from then on it is no longer
    served. `failed_reason` says why the last attempt did not succeed. Key and row hold nothing personal.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    day = models.DateField()
    kind = models.TextField()
    key = models.TextField()
    bytes = models.BigIntegerField()
    sha256 = models.BinaryField()
    segment_id = models.UUIDField()
    claimed_by = models.BigIntegerField(null=True)
    left_as = models.TextField(null=True)  # noqa: DJ001 - NULL: not tried, or not tried to the end
    left_reason = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="media_key_once", fields=["org", "key"]),
            models.UniqueConstraint(name="media_content_once", fields=["org", "segment_id", "kind", "sha256"]),
            models.CheckConstraint(name="media_kind", condition=models.Q(kind__in=["audio", "transcript", "desktop"])),
            models.CheckConstraint(name="media_bytes", condition=models.Q(bytes__gte=0)),
        ]
        # the sweep takes the oldest day first, within one type
        indexes: ClassVar = [models.Index(name="media_by_cell", fields=["org", "kind", "day", "queue"])]


class Upload(models.Model):
    """The intent to store an object under a key; it goes when the index row comes."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    key = models.TextField()
    started_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="upload_key_once", fields=["org", "key"])]
