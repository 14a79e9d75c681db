"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.positions import api

urlpatterns = [
    path("vehicles", api.VehiclesView.as_view()),
    path("crews/<int:pk>/track", api.TrackView.as_view()),
    path("crews/<int:pk>/revoke", api.CrewRevokeView.as_view()),
    path("positions", api.PositionsView.as_view()),
    path("positions/<str:form>", api.OtherPositionsView.as_view()),
    path("devices", api.DevicesView.as_view()),
    path("devices/health", api.HealthView.as_view()),
    path("fences", api.FencesView.as_view()),
    path("fences/<int:pk>/change", api.FenceChangeView.as_view()),
    path("fences/<int:pk>/remove", api.FenceRemovalView.as_view()),
    path("devices/<str:name>/revoke", api.DeviceRevokeView.as_view()),
]
