"""Addresses of interactions, below an organization's."""

from django.urls import path

from ebbtide.apps.interactions import recording_views, views

urlpatterns = [
    path("interactions/", views.interactions, name="interactions"),
    path("interactions/recordings/<rec:rec>/", recording_views.recording, name="recording"),
    path("interactions/recordings/<rec:rec>/download/", recording_views.recording_download, name="recording_download"),
    path("interactions/recordings/<rec:rec>/waveform/", recording_views.waveform, name="waveform"),
    path("interactions/<seg:seg>/transcript/", recording_views.transcript, name="transcript"),
    path("interactions/<seg:seg>/", views.interaction, name="interaction"),
]
