"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.customers import api

urlpatterns: list[URLPattern] = [
    path("customers", api.CustomerSearch.as_view()),
    path("customers/<str:number>/statement", api.StatementView.as_view()),
    path("customers/<str:number>/verify", api.VerifyView.as_view()),
    path("customers/<str:number>/pin", api.PinView.as_view()),
]
