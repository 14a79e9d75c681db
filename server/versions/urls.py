"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from server.versions import api

urlpatterns: list[URLPattern] = [
    path("network/imports", api.Imports.as_view()),
    path("network/imports/<str:number>", api.Import.as_view()),
    path("network/imports/<str:number>/map", api.ImportMap.as_view()),
    path("network/imports/<str:number>/build", api.ImportBuild.as_view()),
    path("network/imports/<str:number>/approve", api.ImportApprove.as_view()),
    path("network/imports/<str:number>/discard", api.ImportDiscard.as_view()),
    path("network/imports/<str:number>/changes", api.ImportChanges.as_view()),
    path("network/imports/<str:number>/quarantine", api.Quarantine.as_view()),
    path("network/imports/<str:number>/quarantine.csv", api.QuarantineCsv.as_view()),
    path("network/versions/<int:number>/changes", api.VersionChanges.as_view()),
    path("network/versions/<int:number>/rollback", api.RollBack.as_view()),
    path("network/export", api.Export.as_view()),
    path("network/readiness", api.Readiness.as_view()),
]
