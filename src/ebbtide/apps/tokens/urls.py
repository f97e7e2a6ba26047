"""Addresses of an organization's tokens; below `o/<org>/`."""

from django.urls import path

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.tokens import views

urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/new/", views.token_new, name="token_new"),
    path("tokens/<tok:tok>/revoke/", views.token_revoke, name="token_revoke"),
]
