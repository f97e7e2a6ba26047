"""Addresses of retention jobs, below an organization's."""

from django.urls import path

from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here
from ebbtide.apps.policies import views

urlpatterns = [
    path("jobs/", views.job_list, name="jobs"),
    path("jobs/new/", views.job_new, name="job_new"),
    path("jobs/<job:job>/", views.job_edit, name="job_edit"),
    path("jobs/<job:job>/delete/", views.job_delete, name="job_delete"),
]
