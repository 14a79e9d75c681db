"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.wallboard import api

urlpatterns = [
    path("wall", api.WallView.as_view()),
    path("city", api.CityView.as_view()),
    path("supervisor", api.SupervisorView.as_view()),
]
