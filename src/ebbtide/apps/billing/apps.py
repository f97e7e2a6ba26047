"""Django's registration of this app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Registers `ebbtide.apps.billing`."""

    name = "ebbtide.apps.billing"
    label = "billing"
