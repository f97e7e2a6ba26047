"""The tally of what is held by data type and day, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_covering_key")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "tally.sql").read_text())]
