"""Cells with transcripts that are not indexed, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("media", "0003_words")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "unindexed.sql").read_text())]
