"""Addresses of activation."""

from django.urls import URLPattern

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns: list[URLPattern] = []
