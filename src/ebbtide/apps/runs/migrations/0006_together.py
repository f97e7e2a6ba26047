"""Many workers at one run, the throttle of the platform, and what a nightly amount leaves."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0004_throttle"),
        ("media", "0002_rules"),
        ("catalog", "0005_covering_key"),
        ("ledger", "0003_entry_by_job"),
        ("runs", "0005_purge_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="BatchCount",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "org", "run_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("run_id", models.BigIntegerField()),
                ("last", models.IntegerField()),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ThrottleTurn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.TextField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="plan",
            name="amount",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="plan",
            name="rest_bytes",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="plan",
            name="rest_items",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="platform",
            name="hours_from",
            field=models.TimeField(null=True),
        ),
        migrations.AddField(
            model_name="platform",
            name="hours_until",
            field=models.TimeField(null=True),
        ),
        migrations.AddField(
            model_name="platform",
            name="objects_per_second",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="platform",
            name="rows_per_second",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="stretch",
            field=models.IntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="platform",
            constraint=models.CheckConstraint(
                condition=models.Q(("rows_per_second__gte", 1)), name="platform_rows_per_second"
            ),
        ),
        migrations.AddConstraint(
            model_name="platform",
            constraint=models.CheckConstraint(
                condition=models.Q(("objects_per_second__gte", 1)), name="platform_objects_per_second"
            ),
        ),
        migrations.AddConstraint(
            model_name="platform",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("hours_from__isnull", True), ("hours_until__isnull", True)),
                    models.Q(
                        ("hours_from__isnull", False),
                        ("hours_until__isnull", False),
                        models.Q(("hours_from", models.F("hours_until")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="platform_hours",
            ),
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "together.sql").read_text()),
    ]
