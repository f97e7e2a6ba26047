"""Tokens of an organization, and how much each was used. Of a token's secret only the hash is stored."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from ebbtide.apps.orgs.models import Organization


class Token(models.Model):
    """What a program shows to be let in: it belongs to the organization, not to whoever made it.

    Attributes:
        name: as people know it; of live tokens no two share one.
        kind: `read` for the retrieval API, `feed` for bringing data in; nothing is both.
        scopes: what a reading one may read; empty for a feed.
        digest: SHA-256 of the whole token.
        hint: how its secret begins, to recognize it by.
        revoked_at, revoked_by: when and by whom it was ended before its time.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    name = models.TextField()
    kind = models.TextField()
    scopes = ArrayField(models.TextField(), default=list)
    digest = models.BinaryField()
    hint = models.TextField()
    made_by = models.TextField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="token_of_org", fields=["org", "id"]),
            models.UniqueConstraint(name="token_by_digest", fields=["org", "digest"]),
            models.UniqueConstraint(name="token_name_once", fields=["org", "name"], condition=Q(revoked_at=None)),
            models.CheckConstraint(
                name="token_scopes",
                condition=Q(kind="feed", scopes=[])
                | Q(kind="read", scopes__len__gt=0, scopes__contained_by=["segments", "recordings", "transcripts"]),
            ),
            models.CheckConstraint(name="token_ends", condition=Q(expires_at__gt=models.F("made_at"))),
        ]


class TokenUse(models.Model):
    """How much a token was used; a row of its own, because it is written with every request.

    Attributes:
        spent_until: up to which moment its allowance is used up, were it spent evenly (ADR 20).
        used_at: the last request that was let in.
        requests: how many were.
    """

    pk = models.CompositePrimaryKey("org", "token")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    token = models.ForeignKey(Token, on_delete=models.PROTECT, db_index=False, db_constraint=False, related_name="+")
    spent_until = models.DateTimeField()
    used_at = models.DateTimeField()
    requests = models.BigIntegerField()
