"""Areas that people draw: depots, districts, danger areas."""

from __future__ import annotations

from typing import Any

import shapely
from django.contrib.gis.geos import Polygon
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Refused
from server.events.services import publish
from server.positions.models import Fence

MOST_CORNERS = 500
MOST_DWELL_S = 7 * 86_400


def features() -> dict[str, Any]:
    """The watched areas as GeoJSON."""
    chinese = (get_language() or "").startswith("zh")
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": f.pk,
                "geometry": {"type": "Polygon", "coordinates": f.geom.coords},
                "properties": {
                    "id": f.pk,
                    "name": f.name_zh if chinese and f.name_zh else f.name,
                    "names": {"en": f.name, "zh": f.name_zh},
                    "kind": f.kind,
                    "kind_label": f.get_kind_display(),
                    "dwell_s": f.dwell_s,
                },
            }
            for f in Fence.objects.filter(active=True)
        ],
    }


def draw(
    *, name: str, name_zh: str, kind: str, corners: Any, dwell_s: Any, by: str
) -> Fence:
    """A new area from its corners, [[lon, lat], …]. Refused naming the field."""
    told = _told(name, name_zh, kind, dwell_s)
    shape = _polygon(corners)
    with transaction.atomic():
        made = Fence.objects.create(**told, geom=shape, created_by=by)
        record("fence.draw", f"fence:{made.pk}", by=by, note=made.name)
        _tell(made, "drawn", by=by)
    return made


def change(
    fence: Fence, *, name: str, name_zh: str, kind: str, corners: Any, dwell_s: Any, by: str
) -> Fence:
    """Other words, another time to stay, other corners (None: where it is). Refused as `draw`.

    Who is in it is seen at the next position; what was told stays told.
    """
    told = _told(name, name_zh, kind, dwell_s)
    if corners is not None:
        told["geom"] = _polygon(corners)
    with transaction.atomic():
        held = Fence.objects.select_for_update().get(pk=fence.pk)
        changed = [field for field, value in told.items() if getattr(held, field) != value]
        for field in changed:
            setattr(held, field, told[field])
        if changed:
            held.save(update_fields=changed)
            record("fence.change", f"fence:{held.pk}", by=by, note=", ".join(changed))
            _tell(held, "changed", by=by)
    return held


def _told(name: str, name_zh: str, kind: str, dwell_s: Any) -> dict[str, Any]:
    """What is said of an area beside its border, checked."""
    name = name.strip()[:60]
    if not name:
        raise Refused("name", "required", _("Give the area a name."))
    if kind not in Fence.Kind.values:
        raise Refused("kind", "unknown", _("Choose what kind of area it is."))
    if dwell_s is not None and (
        isinstance(dwell_s, bool) or not isinstance(dwell_s, int)
        or not 1 <= dwell_s <= MOST_DWELL_S
    ):  # fmt: skip
        raise Refused("dwell_s", "invalid", _("The time to stay is from one second to seven days."))
    return {"name": name, "name_zh": name_zh.strip()[:60], "kind": kind, "dwell_s": dwell_s}


def _polygon(corners: Any) -> Polygon:
    wrong = Refused(
        "corners", "invalid",
        _("An area has 3 to %(most)d corners, each with longitude and latitude, and its border "
          "does not cross itself.") % {"most": MOST_CORNERS},
    )  # fmt: skip
    if not isinstance(corners, list) or not 3 <= len(corners) <= MOST_CORNERS:
        raise wrong
    ring: list[tuple[float, float]] = []
    for corner in corners:
        if not isinstance(corner, list) or len(corner) != 2:
            raise wrong
        lon, lat = corner
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in corner)
        if not numbers or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise wrong
        ring.append((float(lon), float(lat)))
    shape = shapely.Polygon(ring)
    if not shape.is_valid or shape.area == 0:
        raise wrong
    return Polygon([*ring, ring[0]], srid=4326)


def remove(fence: Fence, *, by: str) -> None:
    """It is watched no longer; what was told of it stays told."""
    with transaction.atomic():
        fence.active = False
        fence.save(update_fields=["active"])
        record("fence.remove", f"fence:{fence.pk}", by=by, note=fence.name)
        _tell(fence, "removed", by=by)


def _tell(fence: Fence, change: str, *, by: str) -> None:
    """Every screen that shows the areas reads them again."""
    publish(
        "fences.changed", f"fence:{fence.pk}", topic="crews", by=by, fence=fence.pk,
        change=change, name=fence.name, name_zh=fence.name_zh, kind=fence.kind,
    )  # fmt: skip
