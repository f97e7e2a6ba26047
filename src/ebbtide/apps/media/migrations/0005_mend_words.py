"""Taking out of the index of words what should not be there, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("media", "0004_unindexed")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "mend_words.sql").read_text())]
