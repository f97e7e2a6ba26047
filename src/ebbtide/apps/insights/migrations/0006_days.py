"""The sums of hours, once more by days."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("insights", "0005_agents")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "days.sql").read_text())]
