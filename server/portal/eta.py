"""Where is the crew? The page behind the link in a text: minutes, and roughly where it drives.

Nothing personal: no address, no name, no number, and the position only to about 250 m. Works
without JavaScript; with it the page renews itself.
"""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import Polygon
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from routing.model import M_PER_DEGREE
from server.dispatch import eta
from server.dispatch.states import State
from server.places.models import Street
from server.portal.limits import too_often

GRID_M = 250.0
WIDTH, HEIGHT, MARGIN = 640, 400, 60
LEAST_M = 800.0  # the map shows no less
MOST_LINES = 900
MAIN = ("motorway", "trunk", "primary", "secondary", "tertiary")


@never_cache
@require_GET
def page(request: HttpRequest, token: str) -> HttpResponse:
    context: dict[str, Any] = {
        "page": None, "page_data": None, "hotline": settings.STANDPIPE["SERVICE_NUMBER"],
        "utility": settings.STANDPIPE["UTILITY"],
    }  # fmt: skip
    if too_often("eta", request):
        return render(request, "eta.html", {**context, "too_often": True}, status=429)
    now = timezone.now()
    order = eta.order_of(token[:24], now)
    if order is None:
        return render(request, "eta.html", {**context, "over": True}, status=410)
    left = (order.eta_at - now).total_seconds() if order.eta_at else None
    seen = eta.seen_of(order, now)
    goal = order.incident.geom
    response = render(
        request, "eta.html",
        {
            **context, "driving": order.state == State.EN_ROUTE,
            "minutes": max(1, math.ceil(left / 60)) if left is not None and left > -60 else None,
            "clock": timezone.localtime(order.eta_at) if order.eta_at else None,
            "map": drawn(coarse(*seen), coarse(goal.x, goal.y)) if seen and goal else None,
        },
    )  # fmt: skip
    # The address is the key: no other site shall learn it, no machine shall list it.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def coarse(lon: float, lat: float) -> tuple[float, float]:
    """The middle of the square of GRID_M a place lies in."""
    dlat = GRID_M / M_PER_DEGREE
    row = math.floor(lat / dlat) + 0.5
    dlon = dlat / math.cos(math.radians(row * dlat))
    return (math.floor(lon / dlon) + 0.5) * dlon, row * dlat


def drawn(crew: tuple[float, float], goal: tuple[float, float]) -> dict[str, Any]:
    """Streets between the two as SVG paths, and where both lie on them, in units of the drawing."""
    middle = ((crew[0] + goal[0]) / 2, (crew[1] + goal[1]) / 2)
    squeeze = math.cos(math.radians(middle[1]))
    wide = max(abs(crew[0] - goal[0]) * squeeze, LEAST_M / M_PER_DEGREE)
    high = max(abs(crew[1] - goal[1]), LEAST_M / M_PER_DEGREE / 2)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)

    def at(lon: float, lat: float) -> tuple[int, int]:
        x = WIDTH / 2 + (lon - middle[0]) * squeeze * scale
        return round(x), round(HEIGHT / 2 - (lat - middle[1]) * scale)

    dx, dy = WIDTH / 2 / scale / squeeze, HEIGHT / 2 / scale
    box = Polygon.from_bbox((middle[0] - dx, middle[1] - dy, middle[0] + dx, middle[1] + dy))
    rows = Street.objects.filter(geom__intersects=box)
    minor = rows.exclude(klass__in=MAIN)
    main = list(rows.filter(klass__in=MAIN).values_list("geom", flat=True)[:MOST_LINES])
    # Far away the small streets would be a grey field, and a heavy page.
    small = [] if minor.count() > MOST_LINES else list(minor.values_list("geom", flat=True))

    def path(lines: list[Any]) -> str:
        return " ".join(
            "M" + " L".join("{},{}".format(*at(x, y)) for x, y, *_z in line.coords)
            for line in lines
        )

    return {
        "width": WIDTH, "height": HEIGHT, "main": path(main), "small": path(small),
        "crew": at(*crew), "goal": at(*goal), "radius": round(GRID_M / M_PER_DEGREE * scale),
    }  # fmt: skip
