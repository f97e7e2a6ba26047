"""Django, set up once with the project's own settings; these pages need no database."""

import os

import django
from django.conf import settings

if not settings.configured:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ebbtide.config.settings")
    os.environ.setdefault("EBBTIDE_SECRET_KEY", "only for tests of the shell, which sign nothing")
    django.setup()
