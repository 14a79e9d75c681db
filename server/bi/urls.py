"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.bi import api

urlpatterns = [path("bi/summary", api.SummaryView.as_view())]
