"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.campaigns import api

urlpatterns = [
    path("campaigns", api.CampaignsView.as_view()),
    path("campaigns/mine", api.MineView.as_view()),
    path("campaigns/targets/<int:pk>/dial", api.TargetDialView.as_view()),
    path("campaigns/targets/<int:pk>/code", api.TargetCodeView.as_view()),
    path("campaigns/targets/<int:pk>/release", api.TargetReleaseView.as_view()),
    path("campaigns/<str:number>", api.CampaignView.as_view()),
    path("campaigns/<str:number>/actions", api.CampaignActionView.as_view()),
    path("campaigns/<str:number>/next", api.NextView.as_view()),
    path("campaigns/<str:number>/targets", api.TargetsView.as_view()),
    path("campaigns/<str:number>/targets.csv", api.TargetsTableView.as_view()),
    path("do-not-call", api.DoNotCallView.as_view()),
    path("do-not-call/<int:pk>/remove", api.DoNotCallRemoveView.as_view()),
    path("arrears", api.ArrearsView.as_view()),
    path("arrears/<int:pk>/actions", api.ArrearsActionView.as_view()),
]
