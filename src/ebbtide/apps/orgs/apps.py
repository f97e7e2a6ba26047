"""Django's registration of this app."""

from django.apps import AppConfig


class OrgsConfig(AppConfig):
    """Registers `ebbtide.apps.orgs`."""

    name = "ebbtide.apps.orgs"
    label = "orgs"
