"""Links that let people in, and the history of who was let in where.

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
