"""When an organization was last compared with its rows and objects, and what orphans weigh."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0010_ahead"), ("ledger", "0005_stray_bytes")]

    operations = [
        migrations.AddField("orphan", "bytes", models.BigIntegerField(null=True)),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                (
                    "org",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                ("tried_at", models.DateTimeField()),
                ("compared_at", models.DateTimeField(null=True)),
                ("cells", models.BigIntegerField(default=0)),
                ("listed", models.BigIntegerField(default=0)),
                ("differences", models.JSONField(default=dict)),
                ("reason", models.TextField(default="")),
            ],
        ),
        migrations.RunSQL((Path(__file__).parents[1] / "sql" / "compared.sql").read_text()),
    ]
