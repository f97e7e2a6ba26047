"""Django's registration of this app."""

from django.apps import AppConfig


class InteractionsConfig(AppConfig):
    """Registers `ebbtide.apps.interactions`."""

    name = "ebbtide.apps.interactions"
    label = "interactions"
