"""Django's registration of this app."""

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    """Registers `ebbtide.apps.policies`."""

    name = "ebbtide.apps.policies"
    label = "policies"
