"""Addresses of exports, below an organization's."""

from django.urls import path

from ebbtide.apps.exports import views

urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/weigh/", views.exports_weigh, name="exports_weigh"),
    path("exports/<exp:exp>/progress/", views.export_progress, name="export_progress"),
    path("exports/<exp:exp>/archive.zip", views.export_download, name="export_download"),
    path("exports/<exp:exp>/cancel/", views.export_cancel, name="export_cancel"),
    path("exports/<exp:exp>/delete/", views.export_delete, name="export_delete"),
    path("runs/<run:run>/exports/", views.run_exports, name="run_exports"),
]
