"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.replay import api

urlpatterns = [
    path("replay", api.MomentView.as_view()),
    path("replay/range", api.RangeView.as_view()),
    path("replay/next", api.NextView.as_view()),
]
