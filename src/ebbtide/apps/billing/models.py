"""What was at rest on each date, what it costs, and the statements that were closed.

None of these rows is ever changed or deleted, by nobody: privileges say so for the product's roles, triggers for
everybody else. They hold no personal data and outlive what they tell of. Queues are named by number, without foreign
keys, as in the book.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ebbtide.apps.orgs.models import Organization


class MeteredDay(models.Model):
    """An org-local date whose bytes at rest are booked: the head of its usage rows.

    `starts_at` is the date's first moment, whose state is booked. `whole` is true on the first metered date of a month:
    its usage rows tell the whole state by data day, those of the other dates the difference to the date before.
    """

    pk = models.CompositePrimaryKey("org", "on")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    starts_at = models.DateTimeField()
    whole = models.BooleanField()
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()
    booked_at = models.DateTimeField(db_default=Now())


class Usage(models.Model):
    """Items and bytes at rest of one (org, queue, data type) at the first moment of an org-local date.

    `came_bytes` and `gone_bytes`: what arrived and what went since the first moment of the metered date before. `days`
    and `day_bytes`: by data day, the bytes at rest (on a `whole` date) or their difference to the date before; that is
    what makes the split by age exact for any rate card, also one that is set later.
    """

    pk = models.CompositePrimaryKey("org", "on", "data_type", "queue_id")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    data_type = models.TextField()
    queue_id = models.IntegerField()
    items = models.BigIntegerField()
    bytes = models.BigIntegerField()
    came_bytes = models.BigIntegerField()
    gone_bytes = models.BigIntegerField()
    days = ArrayField(models.DateField())
    day_bytes = ArrayField(models.BigIntegerField())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="usage_items", condition=models.Q(items__gte=0)),
            models.CheckConstraint(name="usage_bytes", condition=models.Q(bytes__gte=0)),
        ]


class RateCardVersion(models.Model):
    """A rate card in force from a month on, until a later one; of several for one month the newest.

    `org` NULL: of the whole platform. Set: of that organization alone, in place of the platform's; with `currency` and
    `prices` NULL the organization goes back to the platform's.
    `prices`: data type -> {"price": decimal as text, "included_days": whole number or null}.
    """

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False, null=True)
    month = models.DateField()
    currency = models.TextField(null=True)  # noqa: DJ001 - NULL: back to the platform's card
    prices = models.JSONField(null=True)
    made_at = models.DateTimeField()
    made_by = models.TextField()
    note = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="card_from_first_of_month", condition=models.Q(month__day=1)),
        ]
        indexes: ClassVar = [models.Index(name="card_by_org", fields=["org", "month", "-id"])]


class ClosedStatement(models.Model):
    """The statement of a month that is over: what `content` says, for good.

    `content` is JSON in one canonical form; `sha256` is its hash. `currency` and `total_minor` (in smallest units) are
    NULL where there was no rate card. The columns beside it are for lists over many organizations and say the same.
    """

    pk = models.CompositePrimaryKey("org", "month")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    month = models.DateField()
    currency = models.TextField(null=True)  # noqa: DJ001 - NULL: there was no rate card
    total_minor = models.BigIntegerField(null=True)
    byte_days = models.DecimalField(max_digits=30, decimal_places=0)
    billed_byte_days = models.DecimalField(max_digits=30, decimal_places=0)
    quantity = models.DecimalField(max_digits=24, decimal_places=6)
    content = models.TextField()
    sha256 = models.BinaryField()
    closed_at = models.DateTimeField()


class Budget(models.Model):
    """What an organization means to spend a month, from now on; the newest row counts. NULL: no budget any more."""

    id = models.BigAutoField(primary_key=True)
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    currency = models.TextField(null=True)  # noqa: DJ001 - NULL: no budget any more
    minor = models.BigIntegerField(null=True)
    set_at = models.DateTimeField()
    set_by = models.TextField()

    class Meta:
        indexes: ClassVar = [models.Index(name="budget_by_org", fields=["org", "-id"])]


class BudgetAlert(models.Model):
    """That the forecast for a month reached a threshold of the budget; once for each month and threshold.

    `percent`: 80 or 100. `budget_minor` and `forecast_minor` are in smallest units of `currency`. `told`: to how many
    an e-mail was addressed.
    """

    pk = models.CompositePrimaryKey("org", "month", "percent")
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, db_index=False)
    month = models.DateField()
    percent = models.SmallIntegerField()
    currency = models.TextField()
    budget_minor = models.BigIntegerField()
    forecast_minor = models.BigIntegerField()
    told = models.IntegerField()
    at = models.DateTimeField()


class Position(models.Model):
    """Where an organization stood when it was metered last: one row each, for the operator's overview of thousands.

    `grown_bytes`: at rest now less 30 dates before (0 where that was not metered). `weekly_bytes`: what comes in.
    `month_minor`, `later_minor`: forecast of the running month and of the one a year on, as it stands. `old_bytes`,
    `old_minor`: older than 400 days, and what that costs a month. Amounts are in smallest units of `currency` (empty:
    no rate card, and they are 0).
    """

    org = models.OneToOneField(Organization, on_delete=models.PROTECT, primary_key=True)
    on = models.DateField()
    jobs = models.IntegerField()
    bytes = models.BigIntegerField()
    grown_bytes = models.BigIntegerField()
    weekly_bytes = models.BigIntegerField()
    currency = models.TextField()
    month_minor = models.BigIntegerField()
    later_minor = models.BigIntegerField()
    old_bytes = models.BigIntegerField()
    old_minor = models.BigIntegerField()
