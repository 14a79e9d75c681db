"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.led import api

urlpatterns = [
    path("led", api.BoardView.as_view()),
    path("led/bulletins", api.BulletinsView.as_view()),
    path("led/bulletins/<int:pk>/remove", api.BulletinRemoveView.as_view()),
    path("led/panels", api.PanelsView.as_view()),
    path("led/panels/<int:pk>/remove", api.PanelRemoveView.as_view()),
]
