"""A district of Kitchener, Ontario, whole: model, customers with their service lines, and breaks.

What is peculiar to these files is known here and nowhere else.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import shapely

from gis_data.crs import project_array, project_geometries, unproject_array
from gis_data.importing import Built, build, read_layers, suggest_map, together
from gis_data.model import Network
from tests.data import shared

EPSG = 26917
CITY = (-80.56, 43.37, -80.45, 43.43)
#: A break belongs to the modelled area if a modelled main lies this near.
NEAR_M = 50.0


@dataclass(frozen=True, slots=True)
class Break:
    """A break of a main that happened: what the city wrote down about it."""

    id: str
    lon: float
    lat: float
    year: int
    month: int
    asset: str
    number: str
    street: str
    nature: str
    metres_away: float = 0.0


@cache
def kitchener_built() -> Built:
    """The import of model, customers and metered areas, as a person would do it."""
    raw = json.loads(gzip.decompress(shared("kitchener/model.json.gz").read_bytes()))
    mains = {
        row["WATMAINID"]: row for row in _rows("kitchener/water_mains.csv.gz") if row["WATMAINID"]
    }
    for feature in raw["features"]:
        main = mains.get(feature["properties"].get("asset_id"))
        if main is not None and feature["properties"]["table"] == "wn_pipe":
            feature["properties"]["material"] = main["MATERIAL"]
            feature["properties"]["year"] = main["INSTALLATION_DATE"]
    for customers in raw["model"]["demands"].values():
        for customer in customers:
            raw["features"] += _customer(customer)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "kitchener.geojson"
        path.write_text(json.dumps(raw), encoding="utf-8")
        layers = together(read_layers(path), read_layers(shared("kitchener/dma.json.gz")))
    # The model says British National Grid of itself, which it is not; the areas are in degrees.
    said = {layer.name: EPSG for layer in layers if layer.name != "dmas"}
    schema_map = suggest_map(layers)
    return build(layers, schema_map, crs=said, city_bounds=CITY, name="kitchener")


def kitchener_network() -> Network:
    """The network with services and premises; tests that call this skip without the data."""
    return kitchener_built().network


def _customer(customer: dict[str, Any]) -> list[dict[str, Any]]:
    home = [customer["x"], customer["y"]]
    tap = [customer["connection_point_x"], customer["connection_point_y"]]
    litres = customer["spec_consumption"] * (customer["no_of_properties"] or 1)
    premise = {"table": "customers", "id": customer["reference"], "demand (l/d)": litres,
               "use": customer["category_id"], "building_id": customer["building_id"]}  # fmt: skip
    line = {"table": "service_lines", "id": f"S-{customer['reference']}",
            "customer_id": customer["reference"]}  # fmt: skip
    return [
        {"type": "Feature", "properties": premise,
         "geometry": {"type": "Point", "coordinates": home}},
        {"type": "Feature", "properties": line,
         "geometry": {"type": "LineString", "coordinates": [tap, home]}},
    ]  # fmt: skip


def _rows(name: str) -> list[dict[str, str]]:
    text = gzip.decompress(shared(name).read_bytes()).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@cache
def breaks() -> tuple[Break, ...]:
    """Breaks up to 2015 within reach of a modelled main, in the order of the file."""
    network = kitchener_network()
    shapes = project_geometries([p.geometry for p in network.pipes.values()], EPSG)
    tree = shapely.STRtree(shapes)
    out = []
    for row in _rows("kitchener/water_main_breaks_to_2015.csv.gz"):
        if not row["x"]:
            continue
        x, y = float(row["x"]), float(row["y"])
        found = tree.query_nearest(shapely.Point(x, y), max_distance=NEAR_M, return_distance=True)
        if not len(found[0]):
            continue
        # Dates are month first, with or without leading noughts, most with a midnight behind.
        match = re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})", row["Incident date"])
        assert match is not None, row["Incident date"]
        lon, lat = unproject_array([(x, y)], EPSG)[0]
        event = Break(
            row["Wat Break Incident ID"], float(lon), float(lat), int(match.group(3)),
            int(match.group(1)), row["Related Asset ID"], row["Closest Civic Number"],
            row["Street"], row["Nature of Break"], round(float(found[1][0]), 2),
        )  # fmt: skip
        out.append(event)
    return tuple(out)


def nearest_pipe(network: Network, lon: float, lat: float) -> str:
    """The modelled main nearest to a place, by looking at all of them."""
    x, y = project_array([(lon, lat)], EPSG)[0]
    pipes = list(network.pipes.values())
    away = shapely.distance(
        project_geometries([p.geometry for p in pipes], EPSG), shapely.Point(x, y)
    )
    return pipes[int(away.argmin())].id
