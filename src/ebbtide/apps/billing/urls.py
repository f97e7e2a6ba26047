"""Addresses of costs, below an organization's."""

from django.urls import path

from ebbtide.apps.billing import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.billing import views

urlpatterns = [
    path("costs/", views.costs, name="costs"),
    path("costs/<month:month>/", views.costs_month, name="costs_month"),
    path("costs/<month:month>/statement.pdf", views.costs_pdf, name="costs_pdf"),
]
