"""Addresses of billing: an organization's pages, and the operator's."""

from django.urls import URLPattern

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns: list[URLPattern] = []
platform_urlpatterns: list[URLPattern] = []
