"""Django's registration of this app."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """Registers `ebbtide.apps.runs`."""

    name = "ebbtide.apps.runs"
    label = "runs"
