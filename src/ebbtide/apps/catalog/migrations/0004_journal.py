"""The journal of the cells, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_cell_by_queue")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "journal.sql").read_text())]
