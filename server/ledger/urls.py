"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.ledger import api

urlpatterns = [
    path("ledger", api.Ledger.as_view()),
    path("ledger.csv", api.Export.as_view()),
    path("ledger/shutoffs", api.ShutOffs.as_view()),
    path("ledger/shutoffs/<str:number>", api.OneShutOff.as_view()),
    path("ledger/premises/<str:code>", api.OnePremise.as_view()),
]
