"""Objects are claimed while others are in flight."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("runs", "0009_stopped_by")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "ahead.sql").read_text())]
