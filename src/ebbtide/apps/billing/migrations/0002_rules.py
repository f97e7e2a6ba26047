"""The rules of the tables, and the function that meters, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_tables"), ("catalog", "0004_journal"), ("runs", "0003_mend")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "rules.sql").read_text())]
