"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.network.api import Asset, Assets, SewerRun, Trace

urlpatterns: list[URLPattern] = [
    path("assets", Assets.as_view()),
    path("assets/<str:name>", Asset.as_view()),
    path("sewers/<str:name>/run", SewerRun.as_view()),
    path("trace/<str:name>", Trace.as_view()),
]
