"""Addresses under /api/ of recordings and of listening in."""

from __future__ import annotations

from django.urls import path

from server.calls.recordings import api

urlpatterns = [
    path("calls/<str:call_id>/recording", api.CallRecordingView.as_view()),
    path("calls/<str:call_id>/pause-recording", api.PauseView.as_view()),
    path("recordings", api.RecordingsView.as_view()),
    path("recordings/state", api.StateView.as_view()),
    path("recordings/gaps", api.GapsView.as_view()),
    path("recordings/gaps/<int:pk>", api.GapView.as_view()),
    path("recordings/sound/<str:token>", api.SoundView.as_view()),
    path("recordings/<str:call_id>", api.DetailView.as_view()),
    path("recordings/<str:call_id>/open", api.OpenView.as_view()),
    path("recordings/<str:call_id>/retention", api.RetentionView.as_view()),
    path("recordings/<str:call_id>/hold", api.HoldView.as_view()),
    path("supervision", api.SupervisionView.as_view()),
    path("agents/<str:username>/listen", api.ListenView.as_view()),
    # Last: everything else below recordings.
    path("recordings/<path:rest>", api.LostView.as_view()),
]
