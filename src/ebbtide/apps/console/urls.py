"""Addresses of the platform operator's console, below /platform/."""

from django.urls import URLPattern, path

from ebbtide.apps.console.views import organizations, runs, switch, throttle, workers
from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns: list[URLPattern] = [
    path("", organizations.listed, name="platform"),
    path("orgs/new/", organizations.new, name="platform_org_new"),
    path("orgs/<org:org>/", organizations.shown, name="platform_org"),
    path("orgs/<org:org>/settings/", organizations.settings, name="platform_org_settings"),
    path("orgs/<org:org>/run/", organizations.run_now, name="platform_org_run"),
    path("runs/", runs.listed, name="platform_runs"),
    path("runs/<run:run>/", runs.shown, name="platform_run"),
    path("switch/", switch.switch, name="platform_switch"),
    path("throttle/", throttle.throttle, name="platform_throttle"),
    path("workers/", workers.workers, name="platform_workers"),
    path("workers/store/", workers.store, name="platform_store"),
]
