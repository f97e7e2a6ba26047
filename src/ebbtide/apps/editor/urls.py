"""Addresses of retention jobs, below an organization's."""

from django.urls import path

from ebbtide.apps.editor import editing, looking, standing
from ebbtide.apps.orgs import addresses as addresses  # noqa: PLC0414 - registers the converters used here

urlpatterns = [
    path("jobs/", looking.job_list, name="jobs"),
    path("jobs/new/", editing.job_new, name="job_new"),
    path("jobs/preview/", editing.job_new_preview, name="job_new_preview"),
    path("jobs/<job:job>/", looking.job_page, name="job"),
    path("jobs/<job:job>/edit/", editing.job_edit, name="job_edit"),
    path("jobs/<job:job>/preview/", editing.job_preview, name="job_preview"),
    path("jobs/<job:job>/pause/", standing.job_pause, name="job_pause"),
    path("jobs/<job:job>/resume/", standing.job_resume, name="job_resume"),
    path("jobs/<job:job>/delete/", standing.job_delete, name="job_delete"),
    path("jobs/<job:job>/restore/", standing.job_restore, name="job_restore"),
]
