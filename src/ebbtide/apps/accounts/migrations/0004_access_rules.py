"""The rules of the access log, in SQL."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_access_log"), ("orgs", "0002_rules")]

    operations = [migrations.RunSQL((Path(__file__).parents[1] / "sql" / "access_log.sql").read_text())]
