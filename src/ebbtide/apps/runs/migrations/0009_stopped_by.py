"""Who asked a run to stop."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0008_orphans")]

    operations = [
        migrations.AddField(model_name="run", name="cancelled_by", field=models.TextField(db_default="", default=""))
    ]
