"""Addresses under /tiles/."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.network.tile_views import serve_tile

urlpatterns: list[URLPattern] = [path("<str:layer>/<str:z>/<str:x>/<str:y>.mvt", serve_tile)]
