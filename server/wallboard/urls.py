"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.wallboard import api

urlpatterns = [
    path("wall", api.WallView.as_view()),
    path("city", api.CityView.as_view()),
    path("supervisor", api.SupervisorView.as_view()),
    path("figures", api.FiguresView.as_view()),
    path("staffing", api.StaffingView.as_view()),
    path("agent-shifts", api.ShiftsView.as_view()),
    path("agent-shifts/<int:pk>/remove", api.ShiftRemoveView.as_view()),
]
