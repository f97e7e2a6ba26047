"""The addresses the templates name, leading nowhere: a page is rendered here, never asked for."""

from django.http import HttpRequest, HttpResponse
from django.urls import path


def nowhere(request: HttpRequest, **ids: int | str) -> HttpResponse:
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
    path("o/<int:org>/costs/forecast/", nowhere, name="cost_forecast"),
    path("o/<int:org>/costs/budget/", nowhere, name="cost_budget"),
    path("o/<int:org>/costs/what-if/", nowhere, name="cost_what_if"),
    path("o/<int:org>/runs/<int:run>/", nowhere, name="run"),
    path("o/<int:org>/runs/<int:run>/numbers.csv", nowhere, name="run_csv"),
    path("o/<int:org>/plans/<int:plan>/confirm/", nowhere, name="plan_confirm"),
    path("o/<int:org>/costs/", nowhere, name="costs"),
    path("o/<int:org>/costs/<str:month>/", nowhere, name="costs_month"),
    path("o/<int:org>/costs/<str:month>/statement.pdf", nowhere, name="costs_pdf"),
]
