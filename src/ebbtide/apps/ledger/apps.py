"""Django's registration of this app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Registers `ebbtide.apps.ledger`."""

    name = "ebbtide.apps.ledger"
    label = "ledger"
