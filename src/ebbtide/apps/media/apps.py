"""Django's registration of this app."""

from django.apps import AppConfig


class MediaConfig(AppConfig):
    """Registers `ebbtide.apps.media`."""

    name = "ebbtide.apps.media"
    label = "media"
