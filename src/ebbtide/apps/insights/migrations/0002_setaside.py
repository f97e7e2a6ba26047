"""The rows kept apart, for Django to read, and the index its page leans on."""

from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_cell_by_queue"), ("insights", "0001_rules"), ("orgs", "0002_rules")]

    operations = [
        migrations.CreateModel(
            name="SetAsideRow",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("segment_id", models.UUIDField()),
                ("kind", models.TextField()),
                ("reason", models.TextField()),
                ("day", models.DateField(null=True)),
                ("content", models.JSONField(null=True)),
                ("received_at", models.DateTimeField()),
            ],
            options={"db_table": "insights_setaside", "managed": False},
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "setaside.sql").read_text()),
    ]
