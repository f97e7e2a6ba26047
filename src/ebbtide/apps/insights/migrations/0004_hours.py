"""The sums that reports read, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_covering_key"), ("insights", "0003_settle")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "hours.sql").read_text())]
