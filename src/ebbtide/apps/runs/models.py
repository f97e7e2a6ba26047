"""Plans, runs and the platform's switch.

A plan's lines are kept by (day, data type), with its queues side by side: a night names every queue of one new day,
so a line is what comes and goes together. Progress of a run is nowhere but in the book and the cells that are left.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization, throttle_checks


class Platform(models.Model):
    """The one row of the platform: its kill switch, its throttle, and the last clock reading found good."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    stopped = models.BooleanField(default=False)
    stopped_reason = models.TextField(default="")
    clock_read_at = models.DateTimeField(null=True)
    rows_per_second = models.IntegerField(null=True)
    objects_per_second = models.IntegerField(null=True)
    hours_from = models.TimeField(null=True)
    hours_until = models.TimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="platform_one_row", condition=models.Q(id=1)),
            *throttle_checks("platform"),
        ]


class SwitchTurn(models.Model):
    """One turn of the platform's kill switch: who, when, why. Append-only; belongs to no organization."""

    id = models.BigAutoField(primary_key=True)
    on = models.BooleanField()
    reason = models.TextField()
    actor = models.TextField()
    at = models.DateTimeField(db_default=Now())


class ThrottleTurn(models.Model):
    """One change of the platform's throttle: who, when, from what, to what. Append-only; belongs to no organization."""

    id = models.BigAutoField(primary_key=True)
    actor = models.TextField()
    before = models.JSONField()
    after = models.JSONField()
    at = models.DateTimeField(db_default=Now())


class StoreProbe(models.Model):
    """What an object store was seen to do, and whether it can prove erasure. Append-only; belongs to no organization.

    `identity` is its URL without anything secret; `behaviours` are as the probe gave them.
    """

    id = models.BigAutoField(primary_key=True)
    identity = models.TextField()
    probed_at = models.DateTimeField()
    proves = models.BooleanField()
    in_order = models.BooleanField()
    behaviours = models.JSONField()

    class Meta:
        indexes: ClassVar = [models.Index(name="probe_by_store", fields=["identity", "-id"])]


class Plan(models.Model):
    """The head of a plan; immutable but for the confirmation by a person.

    `amount` is the most items a night might take when it was made, `rest_…` what is due and was left out for it.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    as_of = models.DateField()
    made_on = models.DateField()
    made_at = models.DateTimeField()
    jobs_version = models.IntegerField()
    armed = models.BooleanField()
    armed_at = models.DateTimeField(null=True)
    cells = models.IntegerField()
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()
    oldest = models.DateField(null=True)
    newest = models.DateField(null=True)
    population = models.BigIntegerField()
    population_bytes = models.BigIntegerField(null=True)
    amount = models.BigIntegerField(null=True)
    rest_items = models.BigIntegerField(default=0)
    rest_bytes = models.BigIntegerField(default=0)
    sha256 = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [models.Index(name="plan_by_org", fields=["org", "-id"])]


class PlanLine(models.Model):
    """The due cells of one day and data type: element k of each array belongs to queue `queues[k]`."""

    pk = models.CompositePrimaryKey("org", "plan_id", "day", "data_type")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    plan_id = models.BigIntegerField()
    day = models.DateField()
    data_type = models.TextField()
    queues = ArrayField(models.IntegerField())
    jobs = ArrayField(models.BigIntegerField())
    days = ArrayField(models.IntegerField())
    items = ArrayField(models.BigIntegerField())
    bytes = ArrayField(models.BigIntegerField())


class Orphan(models.Model):
    """An object without a row, or a row without its object, from the reconciliation that first saw it on.

    Attributes:
        what: object, or row.
        bytes: of an object, with all versions kept of it; None where the store does not tell, or it is a row.
        sightings: how many reconciliations have seen it; each confirms what it sees by a second listing.
        fate: what becomes of it, by rule (sql/orphans.sql): waits, goes, foreign, unexplained or missing.
        claimed_at: when it was decided to destroy it.
        left_reason: why that did not work.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    what = models.TextField()
    key = models.TextField()
    bytes = models.BigIntegerField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    sightings = models.IntegerField(default=1)
    fate = models.TextField(default="waits")
    claimed_at = models.DateTimeField(null=True)
    left_reason = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="orphan_once", fields=["org", "what", "key"]),
            models.CheckConstraint(name="orphan_what", condition=models.Q(what__in=["object", "row"])),
        ]


class Reconciliation(models.Model):
    """When an organization's counts, rows and objects were last compared, and what came of it: one row for each.

    Attributes:
        tried_at: when the last comparison began, however it ended.
        compared_at: when the last one began that came to its end; None before the first.
        cells, listed: how many cells and objects that one compared.
        differences: how many it found, by what they are (`cell items`, `object unknown` …), mended ones included.
        reason: why the last one did not come to its end; empty where it did.
    """

    org = models.OneToOneField(Organization, on_delete=models.PROTECT, primary_key=True)
    tried_at = models.DateTimeField()
    compared_at = models.DateTimeField(null=True)
    cells = models.BigIntegerField(default=0)
    listed = models.BigIntegerField(default=0)
    differences = models.JSONField(default=dict)
    reason = models.TextField(default="")


class Run(models.Model):
    """One pass over one organization. `outcome` is NULL while it is going on or waits to be taken over."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    plan_id = models.BigIntegerField()
    local_date = models.DateField()
    trigger = models.TextField(choices=[("nightly", "nightly"), ("manual", "manual")])
    mode = models.TextField(null=True, choices=[("simulated", "simulated"), ("live", "live")])  # noqa: DJ001
    outcome = models.TextField(null=True)  # noqa: DJ001 - NULL: not ended
    reason = models.TextField(default="")
    frozen_at = models.DateTimeField()
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    worker = models.TextField(default="")
    probe = models.ForeignKey(StoreProbe, on_delete=models.PROTECT, null=True, db_index=False)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.TextField(default="", db_default="")
    purged = models.BigIntegerField(default=0)
    purged_bytes = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    not_reached = models.BigIntegerField(default=0)
    stretch = models.IntegerField(null=True)  # weight of its stretches, in rows: one for all its workers

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="run_once_a_night", fields=["org", "local_date"], condition=models.Q(trigger="nightly")
            ),
            models.UniqueConstraint(name="run_one_at_a_time", fields=["org"], condition=models.Q(outcome__isnull=True)),
        ]
        indexes: ClassVar = [
            models.Index(name="run_by_org", fields=["org", "-id"]),
            models.Index(name="run_by_date", fields=["local_date", "id"]),  # over all organizations, for the operator
            models.Index(name="run_by_outcome", fields=["outcome", "id"]),
        ]


class BatchCount(models.Model):
    """The last number a batch of a run was given, by whichever of its workers."""

    pk = models.CompositePrimaryKey("org", "run_id")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    run_id = models.BigIntegerField()
    last = models.IntegerField()
