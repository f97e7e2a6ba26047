"""Addresses of the feed; below `feed/`."""

from django.urls import path

from ebbtide.apps.feed import views

urlpatterns = [
    path("", views.whoami, name="feed"),
    path("segments", views.segments, name="feed_segments"),
    path("media/<str:kind>", views.media, name="feed_media_by_key"),
    path("media/<str:kind>/<str:segment>", views.media, name="feed_media"),
]
