"""Every address of the web server."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from server.events.health import health
from server.events.live import live

urlpatterns = [
    path("health", health),
    path("live", live),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/", include("server.accounts.urls")),
    path("api/", include("server.network.urls")),
    path("api/", include("server.customers.urls")),
    path("api/", include("server.knowledge.urls")),
    path("api/", include("server.places.urls")),
    path("api/", include("server.streets.urls")),
    path("api/", include("server.messaging.urls")),
    path("api/", include("server.interfaces.urls")),
    path("api/", include("server.ivr.urls")),
    path("api/", include("server.tickets.urls")),
    path("api/", include("server.workforce.urls")),
    path("api/", include("server.positions.urls")),
    path("api/", include("server.calls.urls")),
    path("api/", include("server.calls.recordings.urls")),
    path("api/", include("server.calls.queueing.urls")),
    path("api/", include("server.desk.urls")),
    path("api/", include("server.dispatch.urls")),
    path("api/", include("server.outages.urls")),
    path("api/", include("server.bursts.urls")),
    path("api/", include("server.campaigns.urls")),
    path("api/", include("server.service_level.urls")),
    path("api/", include("server.quality.urls")),
    path("api/", include("server.processes.urls")),
    path("api/", include("server.forecast.urls")),
    path("api/", include("server.led.urls")),
    path("api/", include("server.wallboard.urls")),
    path("api/", include("server.versions.urls")),
    path("api/", include("server.bi.urls")),
    path("api/", include("server.ledger.urls")),
    path("api/", include("server.replay.urls")),
    path("tiles/", include("server.network.tile_urls")),
    path("", include("server.portal.urls")),
]

handler403 = "server.portal.views.forbidden"
handler404 = "server.portal.views.not_found"
handler500 = "server.portal.views.failed"
