"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.customers.api import CustomerSearch

urlpatterns: list[URLPattern] = [path("customers", CustomerSearch.as_view())]
