"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.dispatch import api, plan_api

urlpatterns = [
    path("incidents", api.IncidentsView.as_view()),
    path("incidents/<int:pk>", api.IncidentView.as_view()),
    path("incidents/<int:pk>/crews", api.RankingView.as_view()),
    path("incidents/<int:pk>/what-if", plan_api.WhatIfView.as_view()),
    path("plan", plan_api.PlanView.as_view()),
    path("plan/accept", plan_api.AcceptView.as_view()),
    path("plan/wishes", plan_api.WishesView.as_view()),
    path("plan/wishes/<int:pk>/end", plan_api.WishEndView.as_view()),
    path("rounds", plan_api.RoundView.as_view()),
    path("rounds/keep", plan_api.RoundKeepView.as_view()),
    path("orders/<str:number>/move", plan_api.MoveView.as_view()),
    path("run-cards", plan_api.RunCardsView.as_view()),
    path("run-cards/<int:pk>", plan_api.RunCardView.as_view()),
    path("board", plan_api.BoardView.as_view()),
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
