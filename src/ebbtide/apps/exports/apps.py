"""Django's registration of this app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Registers `ebbtide.apps.exports`."""

    name = "ebbtide.apps.exports"
    label = "exports"
