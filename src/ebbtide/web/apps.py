"""The shell as a Django app, so that its templates, tags and static files are found."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Name the shell."""

    name = "ebbtide.web"
    label = "web"
