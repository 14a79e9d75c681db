"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.messaging import api

urlpatterns = [path("messages", api.MessagesView.as_view())]
