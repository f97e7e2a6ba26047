"""Django's registration of this app."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    """Registers `ebbtide.apps.tokens`."""

    name = "ebbtide.apps.tokens"
    label = "tokens"
