"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.quality import api

urlpatterns = [
    path("checks", api.ChecksView.as_view()),
    path("checks/<int:pk>", api.CheckView.as_view()),
]
