"""The rules of budgets, alerts and positions, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_budgets")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "budgets.sql").read_text())]
