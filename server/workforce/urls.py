"""Addresses under /api/ of this app."""

from __future__ import annotations

from django.urls import path

from server.workforce import api
from server.workforce.resources import api as resources

urlpatterns = [
    path("roster", api.RosterView.as_view()),
    path("roster.csv", api.RosterCsvView.as_view()),
    path("roster/coverage", api.CoverageView.as_view()),
    path("roster/import", api.RosterImportView.as_view()),
    path("roster/patterns", api.PatternView.as_view()),
    path("roster/shifts", api.ShiftsView.as_view()),
    path("roster/shifts/<int:pk>", api.ShiftView.as_view()),
    path("roster/shifts/<int:pk>/actions", api.ShiftActionView.as_view()),
    path("roster/on-call", api.OnCallView.as_view()),
    path("roster/on-call/<int:pk>/remove", api.OnCallRemoveView.as_view()),
    path("roster/leave", api.LeaveView.as_view()),
    path("roster/leave/<int:pk>/remove", api.LeaveRemoveView.as_view()),
    path("crews/now", api.NowView.as_view()),
    path("crews/<int:pk>/status", api.StatusView.as_view()),
    path("crews/<int:pk>/track-views", api.TrackViewsView.as_view()),
    path("crew/status", api.OwnStatusView.as_view()),
    path("crew/track-views", api.OwnTrackViewsView.as_view()),
    path("people", resources.PeopleView.as_view()),
    path("people/<int:pk>", resources.MemberView.as_view()),
    path("people/<int:pk>/certificates", resources.CertificatesView.as_view()),
    path("certificates/<int:pk>/withdraw", resources.CertificateWithdrawView.as_view()),
    path("fleet", resources.FleetView.as_view()),
    path("fleet/<int:pk>", resources.OneVehicleView.as_view()),
    path("stock", resources.StockView.as_view()),
    path("stock/<int:pk>/actions", resources.StockActionView.as_view()),
    path("stock/reservations", resources.ReservationsView.as_view()),
    path("stock/orders/<str:number>", resources.OrderStockView.as_view()),
]
