"""Django's registration of this app."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Registers `ebbtide.apps.reports`."""

    name = "ebbtide.apps.reports"
    label = "reports"
