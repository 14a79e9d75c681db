"""How near the truth: all of Kitchener's recorded breaks, by house number and street.

The town's register of streets gives the numbers of each side of each block; its list of breaks the
nearest house and the place that was dug up. Skipped where the files do not lie beside the checkout.
"""

from __future__ import annotations

import csv
import gzip
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.gis.geos import Point, Polygon

from gis_data.crs import unproject_array
from gis_data.street_table import read_street_table
from server.cityload import filling
from server.cityload.scratch import scratch_database
from server.places.models import City
from server.places.search import find_places

UTM = 26917
DATA = Path(__file__).resolve().parents[3] / "shared/data/kitchener"
NONSENSE = (
    "", "!!!", "asdfghjkl", "12345678901234", "99999", "lorem ipsum dolor", "qwertyuiop 7",
    "'; DROP TABLE places_street; --", "🚰🚰🚰", "xxxxxxx 5", "street", "zzzz / yyyy", "null",
    "<script>alert(1)</script>", "的的的的", "the", "Nowhere Boulevard 12", "%%%%", "NaN, NaN",
    "火星大道一号",
)


def breaks() -> list[tuple[str, float, float]]:
    """(house number and street as written down, lon, lat) of every break that has both."""
    path = DATA / "water_main_breaks_to_2015.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8-sig") as stream:
        rows = [r for r in csv.DictReader(stream) if r["Closest Civic Number"] and r["Street"]]
    lonlat = unproject_array([(float(r["x"]), float(r["y"])) for r in rows], UTM).tolist()
    return [(f"{r['Closest Civic Number']} {r['Street']}", lon, lat)
            for r, (lon, lat) in zip(rows, lonlat, strict=True)]  # fmt: skip


def load() -> None:
    """The town's streets and ranges of numbers into the tables."""
    filling.fill_places(read_street_table(DATA / "roads.csv.gz", UTM).extract)
    border = Polygon.from_bbox((-80.8, 43.2, -80.2, 43.6))
    border.srid = 4326
    City.objects.create(code="kitchener", name="Kitchener", measure_epsg=UTM, bounds=border,
                        depot=Point(-80.49, 43.45, srid=4326))  # fmt: skip


def metres(a_lon: float, a_lat: float, b_lon: float, b_lat: float) -> float:
    """Across a town the earth is flat enough."""
    return math.hypot((a_lon - b_lon) * math.cos(math.radians(a_lat)), a_lat - b_lat) * 111_320


def kitchener() -> list[dict[str, Any]]:
    """One row: milliseconds of each question, and in words how far from the truth; [] without data.

    Errors: AssertionError where nonsense finds a place.
    """
    if not DATA.is_dir():
        return []
    seconds, apart, roads, refused = [], [], 0, 0
    with scratch_database():
        load()
        asked = breaks()
        for text, lon, lat in asked:
            begin = time.perf_counter()
            best = next(iter(find_places(text).results), None)
            seconds.append(time.perf_counter() - begin)
            if best is None:
                refused += 1
            elif best.grade != "number":
                roads += 1
            else:
                apart.append(metres(best.lon, best.lat, lon, lat))
        for text in NONSENSE:
            if find_places(text).results:
                raise AssertionError(f"nonsense has a place: {text!r}")
    ms, far = np.asarray(seconds) * 1000, np.asarray(apart)
    said = (
        f"{len(asked)} breaks of mains by house number and street: median {np.median(far):.1f} m, "
        f"p75 {np.percentile(far, 75):.0f} m, p95 {np.percentile(far, 95):.0f} m; street only "
        f"{100 * roads / len(asked):.1f} %, refused {100 * refused / len(asked):.1f} %; nonsense "
        f"refused {len(NONSENSE)} of {len(NONSENSE)}"
    )
    return [{
        "bench": "places.kitchener", "n": len(asked), "p50_ms": round(float(np.median(ms)), 3),
        "p95_ms": round(float(np.percentile(ms, 95)), 3),
        "rate_per_s": round(1000 / float(np.median(ms)), 1), "memory_mb": None, "versus": {},
        "input": said,
    }]  # fmt: skip
