"""How large the objects were that no row knew of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_strays")]

    operations = [migrations.AddField("strayentry", "bytes", models.BigIntegerField(null=True))]
