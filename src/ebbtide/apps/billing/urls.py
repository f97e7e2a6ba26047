"""Addresses of costs, below an organization's."""

from django.urls import path

from ebbtide.apps.billing import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.billing import ahead_views, views

urlpatterns = [
    path("costs/", views.costs, name="costs"),
    path("costs/forecast/", ahead_views.cost_forecast, name="cost_forecast"),
    path("costs/budget/", ahead_views.cost_budget, name="cost_budget"),
    path("costs/what-if/", ahead_views.cost_what_if, name="cost_what_if"),
    path("costs/<month:month>/", views.costs_month, name="costs_month"),
    path("costs/<month:month>/statement.pdf", views.costs_pdf, name="costs_pdf"),
]
