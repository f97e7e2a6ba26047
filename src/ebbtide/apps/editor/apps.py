"""Django's registration of this app."""

from django.apps import AppConfig


class EditorConfig(AppConfig):
    """Registers `ebbtide.apps.editor`."""

    name = "ebbtide.apps.editor"
    label = "editor"
