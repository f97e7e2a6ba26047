"""Django's registration of this app."""

from django.apps import AppConfig


class FeedConfig(AppConfig):
    """Registers `ebbtide.apps.feed`."""

    name = "ebbtide.apps.feed"
    label = "feed"
