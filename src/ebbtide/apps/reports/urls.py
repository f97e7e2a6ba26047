"""Addresses of reports, below an organization's."""

from django.urls import path

from ebbtide.apps.reports import views

urlpatterns = [
    path("insights/", views.insights, name="insights"),
    path("insights/agents/", views.insights_agents, name="insights_agents"),
    path("insights/channels/", views.insights_channels, name="insights_channels"),
    path("insights/targets/", views.insights_targets, name="insights_targets"),
]
