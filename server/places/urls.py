"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.places.api import Aliases, AliasFile, OneAlias, Places

urlpatterns: list[URLPattern] = [
    path("places", Places.as_view()),
    path("place-aliases", Aliases.as_view()),
    path("place-aliases/import", AliasFile.as_view()),
    path("place-aliases/<int:pk>/remove", OneAlias.as_view()),
]
