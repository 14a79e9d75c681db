"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.processes import api

urlpatterns = [
    path("defects", api.DefectsView.as_view()),
    path("defects/<str:number>/steps", api.DefectStepView.as_view()),
    path("digs", api.DigsView.as_view()),
    path("incidents/<int:pk>/dig", api.IncidentDigView.as_view()),
    path("dig-permits", api.PermitsView.as_view()),
    path("dig-permits/<str:number>/revoke", api.PermitRevokeView.as_view()),
    path("claims", api.ClaimsView.as_view()),
    path("claims/<str:number>/steps", api.ClaimStepView.as_view()),
    path("nearby", api.NearbyView.as_view()),
]
