"""Objects without rows and rows without objects, remembered from when they were first seen."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0007_store_probe"), ("ledger", "0004_strays")]

    operations = [
        migrations.CreateModel(
            name="Orphan",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("what", models.TextField()),
                ("key", models.TextField()),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("sightings", models.IntegerField(default=1)),
                ("fate", models.TextField(default="waits")),
                ("claimed_at", models.DateTimeField(null=True)),
                ("left_reason", models.TextField(default="")),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="orphan",
            constraint=models.UniqueConstraint(fields=("org", "what", "key"), name="orphan_once"),
        ),
        migrations.AddConstraint(
            model_name="orphan",
            constraint=models.CheckConstraint(condition=models.Q(what__in=["object", "row"]), name="orphan_what"),
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "orphans.sql").read_text()),
    ]
