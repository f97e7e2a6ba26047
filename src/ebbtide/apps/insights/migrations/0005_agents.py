"""What agents handled, added up."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("insights", "0004_hours")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "agents.sql").read_text())]
