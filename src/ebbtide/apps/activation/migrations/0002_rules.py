"""The rules of requests, and the functions that arm and disarm, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("activation", "0001_tables"), ("orgs", "0003_turning"), ("runs", "0003_mend")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
