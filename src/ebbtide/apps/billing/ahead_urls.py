"""Addresses of the pages that look ahead, below an organization's; they stand before those of single months."""

from django.urls import path

from ebbtide.apps.billing import ahead_views
from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns = [
    path("costs/forecast/", ahead_views.cost_forecast, name="cost_forecast"),
    path("costs/budget/", ahead_views.cost_budget, name="cost_budget"),
    path("costs/what-if/", ahead_views.cost_what_if, name="cost_what_if"),
]
platform_urlpatterns = [
    path("costs/", ahead_views.platform_costs, name="platform_costs"),
]
