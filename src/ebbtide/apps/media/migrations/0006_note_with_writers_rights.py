"""Transcripts to be indexed are noted with the rights of whoever writes the cells, as the cells' journal is."""

from django.db import migrations


class Migration(migrations.Migration):
    """A superuser who repairs cells by hand has no organization set, and the owner may write nothing without one."""

    dependencies = [("media", "0005_mend_words")]
    operations = [
        migrations.RunSQL("ALTER FUNCTION media_note_unindexed() SECURITY INVOKER"),
    ]
