"""Django's registration of this app."""

from django.apps import AppConfig


class ActivationConfig(AppConfig):
    """Registers `ebbtide.apps.activation`."""

    name = "ebbtide.apps.activation"
    label = "activation"
