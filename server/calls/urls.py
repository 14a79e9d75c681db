"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.calls import api

urlpatterns = [
    path("me", api.MeView.as_view()),
    path("me/state", api.MyStateView.as_view()),
    path("calls/live", api.LiveCallsView.as_view()),
    path("calls/<str:call_id>", api.CallView.as_view()),
    path("calls/<str:call_id>/draft", api.DraftView.as_view()),
    path("calls/<str:call_id>/identify", api.IdentifyView.as_view()),
    path("calls/<str:call_id>/register", api.RegisterView.as_view()),
    path("calls/<str:call_id>/location-link", api.LocationLinkView.as_view()),
    path("where/<str:token>", api.WhereView.as_view()),
    path("exchange/blocked", api.BlockedView.as_view()),
    path("exchange/blocked/<int:pk>", api.ReleaseView.as_view()),
    path("call-backs", api.CallBacksView.as_view()),
    path("call-backs/<int:pk>", api.CallBackDoneView.as_view()),
]
