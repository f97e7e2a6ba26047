"""What the operator's console reads: who turned the kill switch, what was held at a plan, runs of all organizations."""

from pathlib import Path

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_mend")]

    operations = [
        migrations.CreateModel(
            name="SwitchTurn",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("on", models.BooleanField()),
                ("reason", models.TextField()),
                ("actor", models.TextField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(model_name="plan", name="population_bytes", field=models.BigIntegerField(null=True)),
        migrations.AddIndex(model_name="run", index=models.Index(fields=["local_date", "id"], name="run_by_date")),
        migrations.AddIndex(model_name="run", index=models.Index(fields=["outcome", "id"], name="run_by_outcome")),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "switch.sql").read_text()),
    ]
