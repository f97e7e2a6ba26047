"""Addresses of the operator's pages of billing, below the platform's."""

from django.urls import path

from ebbtide.apps.billing import ahead_views, views

urlpatterns = [
    path("rate-card/", views.rate_card, name="rate_card"),
    path("costs/", ahead_views.platform_costs, name="platform_costs"),
]
