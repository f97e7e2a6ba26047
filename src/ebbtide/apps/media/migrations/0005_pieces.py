"""The index of words in pieces that are written anew, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("media", "0004_unindexed"), ("insights", "0003_settle")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "pieces.sql").read_text())]
