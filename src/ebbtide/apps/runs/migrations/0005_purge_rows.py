"""Three ways to delete report rows, and the choice between them."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("runs", "0004_operator"), ("insights", "0003_settle")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "purge_rows.sql").read_text())]
