"""The addresses the templates name, leading nowhere: a page is rendered here, never asked for."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nowhere(request: HttpRequest, **ids: int) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", nowhere, name="start"),
    path("sign-in/", nowhere, name="login"),
    path("sign-out/", nowhere, name="logout"),
    path("platform/", nowhere, name="platform"),
    path("platform/orgs/new/", nowhere, name="platform_org_new"),
    path("platform/orgs/<int:org>/", nowhere, name="platform_org"),
    path("platform/orgs/<int:org>/settings/", nowhere, name="platform_org_settings"),
    path("platform/orgs/<int:org>/switch/", nowhere, name="platform_org_switch"),
    path("platform/orgs/<int:org>/run/", nowhere, name="platform_org_run"),
    path("platform/runs/", nowhere, name="platform_runs"),
    path("platform/runs/<int:run>/", nowhere, name="platform_run"),
    path("platform/switch/", nowhere, name="platform_switch"),
    path("platform/workers/", nowhere, name="platform_workers"),
    path("platform/workers/store/", nowhere, name="platform_store"),
    path("o/<int:org>/", nowhere, name="home"),
    path("o/<int:org>/jobs/", nowhere, name="jobs"),
    path("o/<int:org>/jobs/new/", nowhere, name="job_new"),
    path("o/<int:org>/jobs/<int:job>/", nowhere, name="job_edit"),
    path("o/<int:org>/jobs/<int:job>/delete/", nowhere, name="job_delete"),
    path("o/<int:org>/runs/", nowhere, name="runs"),
    path("o/<int:org>/runs/<int:run>/", nowhere, name="run"),
    path("o/<int:org>/runs/<int:run>/numbers.csv", nowhere, name="run_csv"),
    path("o/<int:org>/plans/<int:plan>/confirm/", nowhere, name="plan_confirm"),
]
