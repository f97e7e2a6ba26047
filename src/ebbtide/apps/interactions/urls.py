"""Addresses of interactions, below an organization's."""

from django.urls import path

from ebbtide.apps.interactions import views

urlpatterns = [
    path("interactions/", views.interactions, name="interactions"),
    path("interactions/<seg:seg>/", views.interaction, name="interaction"),
]
