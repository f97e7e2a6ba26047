"""Django's registration of this app."""

from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    """Registers `ebbtide.apps.retrieval`."""

    name = "ebbtide.apps.retrieval"
    label = "retrieval"
