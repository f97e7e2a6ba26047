"""What an organization's nights may take, how fast and in which hours."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0003_turning"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="hours_from",
            field=models.TimeField(null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="hours_until",
            field=models.TimeField(null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="nightly_amount",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="objects_per_second",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="rows_per_second",
            field=models.IntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("nightly_amount__gte", 1)), name="org_nightly_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("rows_per_second__gte", 1)), name="org_rows_per_second"
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(("objects_per_second__gte", 1)), name="org_objects_per_second"
            ),
        ),
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("hours_from__isnull", True), ("hours_until__isnull", True)),
                    models.Q(
                        ("hours_from__isnull", False),
                        ("hours_until__isnull", False),
                        models.Q(("hours_from", models.F("hours_until")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="org_hours",
            ),
        ),
    ]
