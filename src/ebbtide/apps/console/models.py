"""What the operator changed about an organization's nights and guards."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class SettingChange(models.Model):
    """One change of when an organization's nights start or what they may take: who, when, from what, to what."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    actor = models.TextField()
    before = models.JSONField()
    after = models.JSONField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(name="setting_change_by_org", fields=["org", "-id"])]
