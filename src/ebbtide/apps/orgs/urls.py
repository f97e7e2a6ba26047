"""Addresses of no organization in particular."""

from django.urls import path

from ebbtide.apps.orgs import views

urlpatterns = [
    path("", views.start, name="start"),
    path("sign-out/", views.sign_out, name="logout"),
]
