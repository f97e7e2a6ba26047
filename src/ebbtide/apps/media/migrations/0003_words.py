"""The words of transcripts, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("media", "0002_rules"), ("catalog", "0004_journal")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "words.sql").read_text())]
