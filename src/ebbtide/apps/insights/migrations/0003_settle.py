"""Settled partitions: written anew, sorted, by the database itself."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("insights", "0002_setaside")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "settle.sql").read_text())]
