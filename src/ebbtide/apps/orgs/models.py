"""Organizations, people, memberships and groups.

Every table here but the person itself belongs to one organization and stands under forced row-level security (the SQL
is in the migrations). Deletion is off (`armed = false`) until the operator arms an organization.
"""

import secrets
from datetime import time
from enum import StrEnum
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


def new_pepper() -> bytes:
    """Make the secret that turns an organization's source keys into segment ids that say nothing by themselves."""
    return secrets.token_bytes(32)


def throttle_checks(of: str) -> list[models.CheckConstraint]:
    """Give the checks of a throttle's columns: rates of at least one a second, hours both or neither, and not empty.

    Args:
        of: what the constraints' names begin with.
    """
    neither = models.Q(hours_from__isnull=True, hours_until__isnull=True)
    both = models.Q(hours_from__isnull=False, hours_until__isnull=False) & ~models.Q(hours_from=models.F("hours_until"))
    return [
        models.CheckConstraint(name=f"{of}_rows_per_second", condition=models.Q(rows_per_second__gte=1)),
        models.CheckConstraint(name=f"{of}_objects_per_second", condition=models.Q(objects_per_second__gte=1)),
        models.CheckConstraint(name=f"{of}_hours", condition=neither | both),
    ]


class Organization(models.Model):
    """A tenant: one contact centre.

    `zone` and `onboarded_on` never change (no role may update them): a zone that moved could make a day end earlier
    than it was counted.
    """

    id = models.AutoField(primary_key=True)
    name = models.TextField(unique=True)
    zone = models.TextField()
    onboarded_on = models.DateField()
    night_at = models.TimeField(default=time(2, 0))
    armed = models.BooleanField(default=False)
    armed_at = models.DateTimeField(null=True)
    stopped = models.BooleanField(default=False)
    jobs_version = models.IntegerField(default=1)
    share_cap_percent = models.SmallIntegerField(null=True, default=20)
    item_cap = models.BigIntegerField(null=True)
    nightly_amount = models.BigIntegerField(null=True)
    rows_per_second = models.IntegerField(null=True)
    objects_per_second = models.IntegerField(null=True)
    hours_from = models.TimeField(null=True)
    hours_until = models.TimeField(null=True)
    pepper = models.BinaryField(default=new_pepper)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="org_share_cap", condition=models.Q(share_cap_percent__gte=0, share_cap_percent__lte=100)
            ),
            models.CheckConstraint(name="org_item_cap", condition=models.Q(item_cap__gte=0)),
            models.CheckConstraint(name="org_nightly_amount", condition=models.Q(nightly_amount__gte=1)),
            *throttle_checks("org"),
        ]

    def __str__(self) -> str:
        return self.name


class FlagChange(models.Model):
    """One arming or disarming, or one turn of the organization's kill switch: who, when, why. Append-only."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT)
    flag = models.TextField(choices=[("armed", "armed"), ("stopped", "stopped")])
    value = models.BooleanField()
    reason = models.TextField()
    actor = models.TextField()
    at = models.DateTimeField(db_default=Now())


class UserManager(BaseUserManager["User"]):
    """Makes people; their e-mail address is their name."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a person by e-mail address, whatever its case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person who signs in; what they may do follows from their memberships."""

    email = models.EmailField(unique=True)
    name = models.TextField(blank=True)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.email


class Permission(StrEnum):
    """What a group can allow its members within the organization."""

    DATA_VIEW = "data_management.view"
    DATA_MANAGE = "data_management.manage"
    INSIGHTS_VIEW = "insights.view"
    RECORDINGS_LISTEN = "recordings.listen"
    RECORDINGS_DOWNLOAD = "recordings.download"
    USERS_MANAGE = "users.manage"


class Membership(models.Model):
    """A person in an organization; admins may do everything there."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    is_admin = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="membership_once", fields=["org", "user"])]


class Group(models.Model):
    """A user group of an organization, with the permissions it gives."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT)
    name = models.TextField()
    permissions = ArrayField(models.TextField(), default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="group_name_once", fields=["org", "name"])]


class GroupMember(models.Model):
    """A membership in a group of the same organization."""

    org = models.ForeignKey(Organization, on_delete=models.PROTECT)
    group = models.ForeignKey(Group, on_delete=models.CASCADE)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="group_member_once", fields=["org", "group", "membership"])
        ]
