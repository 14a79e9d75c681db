"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.network.api import Asset, Assets, SewerRun, Trace
from server.network.map_api import FindAssets, Identify, NetworkSummary

urlpatterns: list[URLPattern] = [
    path("assets", Assets.as_view()),
    path("assets/<str:name>", Asset.as_view()),
    path("assets/<str:name>/identify", Identify.as_view()),
    path("find-assets", FindAssets.as_view()),
    path("network", NetworkSummary.as_view()),
    path("sewers/<str:name>/run", SewerRun.as_view()),
    path("trace/<str:name>", Trace.as_view()),
]
