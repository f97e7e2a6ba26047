"""The addresses the templates name, leading nowhere: a page is rendered here, never asked for."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nowhere(request: HttpRequest, **ids: int) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("", nowhere, name="start"),
    path("sign-in/", nowhere, name="login"),
    path("sign-out/", nowhere, name="logout"),
    path("o/<int:org>/", nowhere, name="home"),
    path("o/<int:org>/jobs/", nowhere, name="jobs"),
    path("o/<int:org>/jobs/new/", nowhere, name="job_new"),
    path("o/<int:org>/jobs/<int:job>/", nowhere, name="job_edit"),
    path("o/<int:org>/jobs/<int:job>/delete/", nowhere, name="job_delete"),
    path("o/<int:org>/runs/", nowhere, name="runs"),
    path("o/<int:org>/runs/<int:run>/", nowhere, name="run"),
    path("o/<int:org>/runs/<int:run>/numbers.csv", nowhere, name="run_csv"),
    path("o/<int:org>/plans/<int:plan>/confirm/", nowhere, name="plan_confirm"),
    path("o/<int:org>/deletion/", nowhere, name="deletion"),
    path("o/<int:org>/deletion/ask/", nowhere, name="deletion_ask"),
    path("o/<int:org>/deletion/simulate/", nowhere, name="deletion_simulate"),
    path("o/<int:org>/deletion/requests/<int:req>/withdraw/", nowhere, name="deletion_withdraw"),
    path("o/<int:org>/deletion/stop/", nowhere, name="deletion_stop"),
    path("o/<int:org>/deletion/release/", nowhere, name="deletion_release"),
    path("platform/requests/", nowhere, name="requests"),
    path("platform/requests/<int:req>/", nowhere, name="request"),
    path("platform/requests/<int:req>/arm/", nowhere, name="request_arm"),
    path("platform/requests/<int:req>/decline/", nowhere, name="request_decline"),
    path("platform/orgs/<int:org>/deletion/", nowhere, name="org_deletion"),
    path("platform/orgs/<int:org>/deletion/off/", nowhere, name="org_disarm"),
    path("platform/orgs/<int:org>/deletion/stop/", nowhere, name="org_stop"),
    path("platform/orgs/<int:org>/deletion/release/", nowhere, name="org_release"),
]
