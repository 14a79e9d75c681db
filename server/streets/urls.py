"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.streets import api

urlpatterns = [
    path("streets/nearest", api.NearestView.as_view()),
    path("streets/route", api.RouteView.as_view()),
    path("streets/isochrone", api.IsochroneView.as_view()),
    path("streets/at", api.AtView.as_view()),
    path("streets/changes", api.ChangesView.as_view()),
    path("streets/changes/<int:pk>/lift", api.ChangeStepView.as_view(), {"step": "lift"}),
    path("streets/changes/<int:pk>/extend", api.ChangeStepView.as_view(), {"step": "extend"}),
    path("streets/changes/<int:pk>/accept", api.ChangeStepView.as_view(), {"step": "accept"}),
]
