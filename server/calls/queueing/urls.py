"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.calls.queueing import api

urlpatterns = [
    path("queues", api.QueuesView.as_view()),
    path("queues/now", api.QueuesNowView.as_view()),
    path("queues/<str:code>", api.QueueView.as_view()),
    path("agents/skills", api.AgentSkillsView.as_view()),
    path("agents/<str:username>/skills", api.AgentSkillView.as_view()),
    path("agents/<str:username>/state", api.AgentStateView.as_view()),
    path("pause-reasons", api.PauseReasonsView.as_view()),
    path("pause-reasons/<str:code>", api.PauseReasonView.as_view()),
    path("kept-places", api.KeptPlacesView.as_view()),
    path("kept-places/<int:pk>/cancel", api.KeptPlaceCancelView.as_view()),
    path("items", api.ItemsView.as_view()),
    path("items/<int:pk>", api.ItemView.as_view()),
    path("inbound", api.InboundView.as_view()),
]
