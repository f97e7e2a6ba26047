"""Addresses of home, runs, plans and "Why?", below an organization's."""

from django.urls import path

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.runs import kept_views, run_views, views, why_views

urlpatterns = [
    path("", views.home, name="home"),
    path("storage/", kept_views.storage, name="storage"),
    path("orphans/", kept_views.orphans, name="orphans"),
    path("aside/", kept_views.aside, name="aside"),
    path("runs/", run_views.run_list, name="runs"),
    path("runs/<run:run>/", run_views.run, name="run"),
    path("runs/<run:run>/plan/", run_views.run_plan, name="run_plan"),
    path("runs/<run:run>/progress/", run_views.run_progress, name="run_progress"),
    path("runs/<run:run>/stop/", run_views.run_stop, name="run_stop"),
    path("runs/<run:run>/numbers.csv", run_views.run_csv, name="run_csv"),
    path("runs/<run:run>/report.json", run_views.run_json, name="run_json"),
    path("plans/<plan:plan>/confirm/", views.plan_confirm, name="plan_confirm"),
    path("why/", why_views.why, name="why"),
]
