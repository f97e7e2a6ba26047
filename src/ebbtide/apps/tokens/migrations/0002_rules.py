"""The rules of the tables, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_tables"), ("orgs", "0002_rules")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
