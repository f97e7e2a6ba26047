from django.db import migrations, models


class Migration(migrations.Migration):
    """Jobs can be paused."""

    dependencies = [("policies", "0002_rules")]

    operations = [
        migrations.AddField(
            model_name="retentionjob",
            name="paused_at",
            field=models.DateTimeField(null=True),
        ),
    ]
