"""Addresses of activation: the organization's own pages, and the operator's."""

from django.urls import path

from ebbtide.apps.activation import operator_views, views
from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns = [
    path("o/<org:org>/deletion/", views.deletion, name="deletion"),
    path("o/<org:org>/deletion/ask/", views.deletion_ask, name="deletion_ask"),
    path("o/<org:org>/deletion/simulate/", views.deletion_simulate, name="deletion_simulate"),
    path("o/<org:org>/deletion/requests/<req:req>/withdraw/", views.deletion_withdraw, name="deletion_withdraw"),
    path("o/<org:org>/deletion/stop/", views.deletion_stop, name="deletion_stop"),
    path("o/<org:org>/deletion/release/", views.deletion_release, name="deletion_release"),
    path("platform/requests/", operator_views.request_list, name="requests"),
    path("platform/requests/<req:req>/", operator_views.request_show, name="request"),
    path("platform/requests/<req:req>/arm/", operator_views.request_arm, name="request_arm"),
    path("platform/requests/<req:req>/decline/", operator_views.request_decline, name="request_decline"),
    path("platform/orgs/<org:org>/deletion/", operator_views.org_deletion, name="org_deletion"),
    path("platform/orgs/<org:org>/deletion/off/", operator_views.org_disarm, name="org_disarm"),
    path("platform/orgs/<org:org>/deletion/stop/", operator_views.org_stop, name="org_stop"),
    path("platform/orgs/<org:org>/deletion/release/", operator_views.org_release, name="org_release"),
]
