"""The key of cells carries their counts, so that what a page adds up by day is answered from the index alone."""

from django.db import migrations

_COVERING = """
    CREATE UNIQUE INDEX catalog_cell_covering ON catalog_cell (org_id, day, data_type, queue_id) INCLUDE (items, bytes);
    ALTER TABLE catalog_cell DROP CONSTRAINT catalog_cell_pkey,
        ADD CONSTRAINT catalog_cell_pkey PRIMARY KEY USING INDEX catalog_cell_covering;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_journal")]

    operations = [migrations.RunSQL(_COVERING)]
