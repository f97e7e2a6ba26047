"""Addresses of home, runs and plans, below an organization's."""

from django.urls import path

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.runs import kept_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("storage/", kept_views.storage, name="storage"),
    path("aside/", kept_views.aside, name="aside"),
    path("runs/", views.run_list, name="runs"),
    path("runs/<run:run>/", views.run, name="run"),
    path("runs/<run:run>/numbers.csv", views.run_csv, name="run_csv"),
    path("plans/<plan:plan>/confirm/", views.plan_confirm, name="plan_confirm"),
]
