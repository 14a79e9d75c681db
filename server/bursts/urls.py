"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.bursts import api

urlpatterns = [
    path("bursts", api.BurstsView.as_view()),
    path("bursts/<int:pk>", api.BurstView.as_view()),
    path("bursts/<int:pk>/confirm", api.ConfirmView.as_view()),
    path("bursts/<int:pk>/dismiss", api.DismissView.as_view()),
]
