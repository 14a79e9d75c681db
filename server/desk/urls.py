"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.desk import api

urlpatterns = [
    path("calls/<str:call_id>/talk", api.TalkView.as_view()),
    path("desk/colleagues", api.ColleaguesView.as_view()),
    path("desk/dial", api.DialView.as_view()),
]
