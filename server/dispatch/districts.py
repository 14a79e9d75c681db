"""The offline extract crews carry: one SQLite file per network version, made once."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.gis.geos import LineString
from django.utils import timezone

from mobile_app.district import MapHydrant, MapPipe, MapValve, Street, write_district
from server.network import graph
from server.network.models import Hydrant, Pipe, Valve
from server.places.models import City
from server.places.models import Street as StreetRow


def extract() -> Path:
    """Path of the extract of the network in force."""
    version = graph.version()
    path = settings.STATE / "city" / f"district-{version}.sqlite"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    city = City.objects.first()
    write_district(
        path,
        meta={
            "name": city.name if city else "", "version": str(version),
            "made_at": timezone.now().isoformat(),
        },
        streets=(Street(s.name, s.klass, _line(s.geom)) for s in StreetRow.objects.all()),
        pipes=(
            MapPipe(p.asset, p.diameter_mm, p.material, _line(p.geom)) for p in Pipe.objects.all()
        ),
        valves=(
            MapValve(v.asset, v.asset, v.geom.x, v.geom.y, v.operable, v.normally_open)
            for v in Valve.objects.all()
        ),
        hydrants=(MapHydrant(h.asset, h.geom.x, h.geom.y) for h in Hydrant.objects.all()),
    )  # fmt: skip
    return path


def _line(geom: LineString) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y, *_z in geom.coords]
