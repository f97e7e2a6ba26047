"""Links that let people in, the history of who was let in where, and of who took what out.

An invitation and a change belong to one organization and stand under forced row-level security (the SQL is in the
migrations); a set-up link belongs to the platform. Of a link only the hash is stored.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class SetUpLink(models.Model):
    """The one-time link by which the first operator of a platform is made."""

    id = models.BigAutoField(primary_key=True)
    digest = models.BinaryField(unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Invitation(models.Model):
    """Somebody asked by e-mail to join an organization; `groups` are numbers of its user groups."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    email = models.EmailField()
    is_admin = models.BooleanField(default=False)
    groups = ArrayField(models.BigIntegerField(), default=list)
    digest = models.BinaryField()
    invited_by = models.TextField()
    invited_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="invitation_by_digest", fields=["org", "digest"]),
            models.UniqueConstraint(
                name="invitation_open_once",
                fields=["org", "email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
            ),
        ]


class PeopleChange(models.Model):
    """One change of an organization's people, groups or invitations: who, when, what. Append-only, without secrets."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    action = models.TextField()
    subject = models.TextField()
    detail = models.JSONField(default=dict)
    actor = models.TextField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(name="people_change_by_org", fields=["org", "-id"])]


class DataAccess(models.Model):
    """One look at recordings, transcripts or report rows, or one taking them away: who, when, what. Append-only.

    Attributes:
        actor: e-mail address of the person, or the name of the token.
        by_token: whether it was a program with a token.
        action: listen, read, download or export.
        kind: the data type.
        segment_id: of one recording or transcript; NULL where it was more than one segment's.
        what: the table, report or export it went out with, in the product's own words, never a customer's.
        items: how many segments or objects, where that is known.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    at = models.DateTimeField()
    actor = models.TextField()
    by_token = models.BooleanField(default=False)
    action = models.TextField()
    kind = models.TextField()
    segment_id = models.UUIDField(null=True)
    what = models.TextField(default="")
    items = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="data_access_action", condition=models.Q(action__in=["listen", "read", "download", "export"])
            ),
            models.CheckConstraint(
                name="data_access_kind", condition=models.Q(kind__in=["insights", "audio", "transcript", "desktop"])
            ),
            models.CheckConstraint(name="data_access_items", condition=models.Q(items__gte=0)),
        ]
        indexes: ClassVar = [
            models.Index(name="data_access_by_org", fields=["org", "-id"]),
            # "who listened to this one?", and whether somebody's player goes on with what is written down already
            models.Index(
                name="data_access_by_segment",
                fields=["org", "segment_id", "-id"],
                condition=models.Q(segment_id__isnull=False),
            ),
        ]
