"""Addresses of the retrieval API and of its description; below `api/`."""

from django.urls import path

from ebbtide.apps.retrieval import views
from ebbtide.apps.retrieval.api import api

urlpatterns = [
    path("", views.reference, name="api"),
    path("openapi.json", views.openapi, name="api_openapi"),
    path("v1/", api.urls),
]
