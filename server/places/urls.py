"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.places.api import Places

urlpatterns: list[URLPattern] = [path("places", Places.as_view())]
