"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.tickets import api

urlpatterns = [
    path("tickets", api.TicketsView.as_view()),
    path("tickets/<str:number>", api.TicketView.as_view()),
    path("tickets/<str:number>/actions", api.TicketActionView.as_view()),
    path("tickets/<str:number>/amend", api.TicketAmendView.as_view()),
]
