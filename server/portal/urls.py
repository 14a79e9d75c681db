"""Addresses of the pages; included at the root by server/config/urls.py."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.i18n import JavaScriptCatalog

from server.portal import eta, views, water, writing
from server.portal.roles import PAGES

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("language", views.set_language, name="language"),
    path("theme", views.set_theme, name="theme"),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="jsi18n"),
    path("crew", views.crew, name="crew"),
    path("eta/<str:token>", eta.page, name="eta"),
    path("where/<str:token>", views.where, name="where"),
    path("tickets/<str:number>", views.ticket, name="ticket"),
    path("shutoffs/<str:number>", views.shutoff, name="shutoff"),
    path("led", views.led, name="led"),
    path("water", water.water, name="water"),
    path("write", writing.write, name="write"),
    *(path(page.path.lstrip("/"), views.show, {"name": page.name}, page.name) for page in PAGES),
]
