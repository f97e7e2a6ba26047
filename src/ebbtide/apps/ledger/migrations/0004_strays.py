"""The page of the book for objects that no row knew of."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_entry_by_job"), ("orgs", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="StrayEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run_id", models.BigIntegerField()),
                ("queue_id", models.IntegerField()),
                ("day", models.DateField()),
                ("data_type", models.TextField()),
                ("items", models.BigIntegerField()),
                ("first_seen_at", models.DateTimeField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="strayentry",
            constraint=models.CheckConstraint(condition=models.Q(items__gt=0), name="stray_items"),
        ),
        migrations.AddIndex(
            model_name="strayentry",
            index=models.Index(fields=["org", "queue_id", "data_type", "day"], name="stray_by_cell"),
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "strays.sql").read_text()),
    ]
