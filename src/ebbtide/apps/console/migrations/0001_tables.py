"""The operator's changes of settings, and what the console reads of all organizations at once."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("orgs", "0002_rules"),
        ("catalog", "0003_cell_by_queue"),
        ("policies", "0003_pause"),
        ("runs", "0004_operator"),
    ]

    operations = [
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("actor", models.TextField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["org", "-id"], name="setting_change_by_org")]},
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text()),
    ]
