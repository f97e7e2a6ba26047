import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("orgs", "0004_throttle"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("first", models.DateField()),
                ("last", models.DateField()),
                ("queues", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ("types", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("format", models.TextField()),
                ("asked_by", models.TextField()),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("key", models.TextField(default="")),
                ("attempts", models.SmallIntegerField(default=0)),
                ("begun_at", models.DateTimeField(null=True)),
                ("retry_at", models.DateTimeField(null=True)),
                ("cells", models.IntegerField(default=0)),
                ("items", models.BigIntegerField(default=0)),
                ("bytes", models.BigIntegerField(default=0)),
                ("items_done", models.BigIntegerField(default=0)),
                ("bytes_done", models.BigIntegerField(default=0)),
                ("size_checked", models.BigIntegerField(null=True)),
                ("files", models.IntegerField(default=0)),
                ("size", models.BigIntegerField(default=0)),
                ("sha256", models.BinaryField(null=True)),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_by", models.TextField(default="")),
                ("failed_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(default="")),
                ("condemned_at", models.DateTimeField(null=True)),
                ("condemned_why", models.TextField(default="")),
                ("condemned_by", models.TextField(default="")),
                ("condemned_run", models.BigIntegerField(null=True)),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Taken",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "org",
                        "day",
                        "data_type",
                        "export",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("data_type", models.TextField()),
                ("queues", django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ("items", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("bytes", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "export",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="exports.export",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="orgs.organization"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(fields=["org", "-id"], name="export_by_org"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("cancelled_at__isnull", True), ("failed_at__isnull", True), ("ready_at__isnull", True)
                ),
                fields=("org",),
                name="export_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(condition=models.Q(("first__lte", models.F("last"))), name="export_days"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(("format__in", ("csv", "parquet"))), name="export_format"
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(("condemned_why__in", ["", "purged", "changed", "expired", "deleted"])),
                name="export_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(("ready_at__isnull", True), ("expires_at__isnull", False), _connector="OR"),
                name="export_expires",
            ),
        ),
    ]
