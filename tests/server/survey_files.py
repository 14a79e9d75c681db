"""A network as the surveyors hand it over: a zip-less pile of GeoJSON layers with Chinese columns.

No nodes and no ends: what meets at a point belongs together. Line n of a layer is feature n.
"""

from __future__ import annotations

import io
import json
from typing import IO, Any

from pyproj import Transformer
from shapely import transform
from shapely.geometry import Point, mapping
from shapely.geometry.base import BaseGeometry

from gis_data.model import Network

Pile = list[tuple[str, IO[bytes]]]


def _collection(features: list[tuple[BaseGeometry, dict[str, Any]]], epsg: int | None,
                drawn_in: int) -> bytes:  # fmt: skip
    to = Transformer.from_crs(4326, drawn_in, always_xy=True)
    shown = [
        {"type": "Feature", "properties": said,
         "geometry": mapping(transform(g, lambda xy: _there(to, xy)))}
        for g, said in features
    ]  # fmt: skip
    whole: dict[str, Any] = {"type": "FeatureCollection", "features": shown}
    if epsg is not None:
        whole["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}}
    return json.dumps(whole, ensure_ascii=False).encode()


def _there(to: Transformer, xy: Any) -> Any:
    import numpy as np

    return np.column_stack(to.transform(xy[:, 0], xy[:, 1]))


def layers(network: Network) -> dict[str, list[tuple[BaseGeometry, dict[str, Any]]]]:
    """Name of a layer -> (geometry, columns) of each of its records."""
    return {
        "管线": [(p.geometry, {"编号": p.id, "管径": p.diameter_mm, "管材": p.material,
                              "建设年代": p.year, "道路名称": p.street})
                 for p in network.pipes.values()],
        "阀门": [(Point(v.lon, v.lat), {"编号": v.id, "所在管线": v.pipe, "所属节点": "",
                                       "口径": v.diameter_mm, "圈数": v.turns})
                 for v in network.valves.values()],
        "消火栓": [(Point(h.lon, h.lat), {"编号": h.id}) for h in network.hydrants.values()],
        "水源": [(Point(n.lon, n.lat), {"编号": n.id, "水头": n.head_m})
                 for n in network.nodes.values() if n.kind == "reservoir"],
    }  # fmt: skip


def pile(network: Network, *, epsg: int | None = 3879, drawn_in: int = 3879,
         spoil: Any = None) -> Pile:  # fmt: skip
    """The files. `spoil` may change the layers first; `epsg` is what the files claim."""
    found = layers(network)
    if spoil is not None:
        spoil(found)
    return [
        (f"{name}.geojson", io.BytesIO(_collection(rows, epsg, drawn_in)))
        for name, rows in found.items()
    ]
