"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.interfaces import api

urlpatterns = [
    path("webhooks", api.WebhooksView.as_view()),
    path("webhooks/<int:pk>", api.WebhookView.as_view()),
]
