"""The rules of the tables, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0001_tables"),
        ("catalog", "0005_covering_key"),
        ("media", "0002_rules"),
        ("runs", "0009_stopped_by"),
    ]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
