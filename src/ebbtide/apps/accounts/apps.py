"""Django's registration of this app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers `ebbtide.apps.accounts`."""

    name = "ebbtide.apps.accounts"
    label = "accounts"
