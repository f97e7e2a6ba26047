"""The two functions of `ebbtide reconcile`, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("runs", "0002_rules")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "mend.sql").read_text())]
