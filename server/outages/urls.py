"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.outages import api

urlpatterns = [
    path("shutoffs", api.ShutOffsView.as_view()),
    path("shutoffs/<str:number>", api.ShutOffView.as_view()),
    path("shutoffs/<str:number>/actions", api.ShutOffActionView.as_view()),
]
