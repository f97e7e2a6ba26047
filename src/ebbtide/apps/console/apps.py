"""Django's registration of this app."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Registers `ebbtide.apps.console`."""

    name = "ebbtide.apps.console"
    label = "console"
