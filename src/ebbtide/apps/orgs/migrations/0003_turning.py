"""The one function that turns an organization's flags, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orgs", "0002_rules")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "turning.sql").read_text())]
