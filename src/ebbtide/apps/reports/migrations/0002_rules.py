"""The rules of the tables, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_tables"), ("insights", "0004_hours")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
