"""Django's registration of this app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Registers `ebbtide.apps.catalog`."""

    name = "ebbtide.apps.catalog"
    label = "catalog"
