"""The door of the vector tiles."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from server.network.tile_cache import tile_of
from server.network.tiles import LAYERS, is_tile

# What changes while people look: asked again each time, answered 304 if nothing changed.
LIVING = {"valves", "premises", "shutoffs"}
_WHOLE = re.compile(r"\d{1,8}")


@require_safe
def serve_tile(request: HttpRequest, layer: str, z: str, x: str, y: str) -> HttpResponse:
    """GET /tiles/<layer>/<z>/<x>/<y>.mvt[?v=data version]; 204 where nothing is to be drawn."""
    if not request.user.is_authenticated:
        return _refusal(401, "", "not_signed_in", _("Sign in first."))
    if layer not in LAYERS:
        text = _("There is no layer %(layer)s.") % {"layer": layer[:40]}
        return _refusal(404, "layer", "unknown_layer", text)
    if not all(_WHOLE.fullmatch(part) for part in (z, x, y)) or not is_tile(int(z), int(x), int(y)):
        return _refusal(400, "tile", "no_such_tile", _("This is not a tile of the world."))
    made = tile_of(layer, int(z), int(x), int(y))
    if request.headers.get("If-None-Match") == made.etag:
        response = HttpResponse(status=304)
    elif not made.body:
        response = HttpResponse(status=204)
    else:
        response = HttpResponse(made.body, content_type="application/vnd.mapbox-vector-tile")
    response["ETag"] = made.etag
    # With a data version in the address, an unchanging layer needs no second question that day.
    versioned = request.GET.get("v") and layer not in LIVING
    response["Cache-Control"] = "private, max-age=86400" if versioned else "private, no-cache"
    patch_vary_headers(response, ["Cookie"])
    return response


def _refusal(status: int, field: str, code: str, text: str) -> JsonResponse:
    return JsonResponse({"errors": [{"field": field, "code": code, "text": text}]}, status=status)
