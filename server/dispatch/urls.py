"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.dispatch import api

urlpatterns = [
    path("incidents", api.IncidentsView.as_view()),
    path("incidents/<int:pk>", api.IncidentView.as_view()),
    path("incidents/<int:pk>/crews", api.RankingView.as_view()),
    path("incidents/<int:pk>/what-if", api.WhatIfView.as_view()),
    path("board", api.BoardView.as_view()),
    path("incidents/<int:pk>/route", api.RouteView.as_view()),
    path("incidents/<int:pk>/assign", api.AssignView.as_view()),
    path("incidents/<int:pk>/close", api.CloseIncidentView.as_view()),
    path("photos/<int:pk>", api.PhotoFileView.as_view()),
    path("work-orders/<str:number>/actions", api.OrderActionView.as_view()),
    path("crews", api.CrewsView.as_view()),
    path("crew/photos", api.PhotoView.as_view()),
    path("crew/sign-in", api.CrewSignInView.as_view()),
    path("crew/district", api.DistrictView.as_view()),
]
