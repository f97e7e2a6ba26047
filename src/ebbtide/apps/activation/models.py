"""Requests to switch deletion on, each with the simulation it rests on."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class State(models.TextChoices):
    """What has become of a request."""

    OPEN = "open"
    ARMED = "armed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Request(models.Model):
    """One request; what it rests on is filled in by the database from the run's plan, whatever is sent.

    It is closed once, by the functions of this app's SQL alone: no role of the product may update it.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    state = models.TextField(choices=State.choices, default=State.OPEN)
    run_id = models.BigIntegerField()
    plan_id = models.BigIntegerField()
    sha256 = models.BinaryField()
    jobs_version = models.IntegerField()
    simulated_at = models.DateTimeField()
    as_of = models.DateField()
    cells = models.IntegerField()
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()
    oldest = models.DateField(null=True)
    newest = models.DateField(null=True)
    population = models.BigIntegerField()
    breakdown = models.JSONField(default=list)
    """By Q and data type: [Q, data type, items, bytes, oldest day, newest day]."""
    note = models.TextField(default="", blank=True)
    asked_by = models.TextField()
    asked_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(default="", blank=True)
    answer = models.TextField(default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="activation_one_open", fields=["org"], condition=models.Q(state="open")),
            models.CheckConstraint(
                name="activation_state",
                condition=models.Q(state__in=["open", "armed", "declined", "withdrawn", "expired"]),
            ),
            models.CheckConstraint(
                name="activation_closed",
                condition=models.Q(state="open", closed_at__isnull=True)
                | (~models.Q(state="open") & models.Q(closed_at__isnull=False)),
            ),
        ]
        indexes: ClassVar = [models.Index(name="activation_by_org", fields=["org", "-id"])]
