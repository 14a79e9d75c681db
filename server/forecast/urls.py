"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.forecast import api

urlpatterns = [
    path("forecast", api.ForecastView.as_view()),
    path("forecast/days", api.DaysView.as_view()),
    path("forecast/import", api.ImportView.as_view()),
]
