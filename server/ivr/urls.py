"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.ivr import api

urlpatterns = [
    path("ivr", api.MenuView.as_view()),
    path("ivr/check", api.CheckView.as_view()),
    path("ivr/preview", api.PreviewView.as_view()),
    path("ivr/speak", api.SpeakView.as_view()),
    path("ivr/versions", api.VersionsView.as_view()),
    path("ivr/versions/<int:number>", api.VersionView.as_view()),
    path("ivr/versions/<int:number>/actions", api.VersionActionView.as_view()),
    path("ivr/prompts", api.PromptsView.as_view()),
    path("ivr/prompts/<str:name>/<str:language>", api.PromptView.as_view()),
    path("ivr/prompts/<str:name>/<str:language>/use", api.PromptUseView.as_view()),
    path("ivr/prompts/<str:name>/<str:language>/<int:number>", api.PromptSoundView.as_view()),
]
