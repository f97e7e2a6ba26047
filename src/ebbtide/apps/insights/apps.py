"""Django's registration of this app."""

from django.apps import AppConfig


class InsightsConfig(AppConfig):
    """Registers `ebbtide.apps.insights`."""

    name = "ebbtide.apps.insights"
    label = "insights"
