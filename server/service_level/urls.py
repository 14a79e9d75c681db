"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.service_level import api

urlpatterns = [
    path("clocks/<int:pk>", api.ClockView.as_view()),
    path("escalations/<int:pk>", api.EscalationView.as_view()),
]
