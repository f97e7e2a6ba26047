"""What object stores were seen to do, and which probe a live run went by."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0006_together")]

    operations = [
        migrations.CreateModel(
            name="StoreProbe",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("identity", models.TextField()),
                ("probed_at", models.DateTimeField()),
                ("proves", models.BooleanField()),
                ("in_order", models.BooleanField()),
                ("behaviours", models.JSONField()),
            ],
        ),
        migrations.AddIndex(
            model_name="storeprobe", index=models.Index(fields=["identity", "-id"], name="probe_by_store")
        ),
        migrations.AddField(
            model_name="run",
            name="probe",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="runs.storeprobe"
            ),
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "probe.sql").read_text()),
    ]
