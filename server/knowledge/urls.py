"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.knowledge import api

urlpatterns = [
    path("articles", api.ArticlesView.as_view()),
    path("articles/<str:code>", api.ArticleView.as_view()),
    path("articles/<str:code>/steps", api.ArticleStepView.as_view()),
]
