"""The rules of the tables, and the only functions that delete, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0001_tables"),
        ("insights", "0001_rules"),
        ("media", "0002_rules"),
        ("policies", "0002_rules"),
        ("ledger", "0002_rules"),
    ]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
