"""Geometries of a layer in lon/lat and in metres; records whose geometry is broken set aside."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from gis_data.crs import project_array
from gis_data.importing.csv_tables import make_geometry
from gis_data.importing.sheet import Sheet
from gis_data.importing.systems import Bounds, System, inside
from gis_data.importing.values import Layer, LayerMap, Note
from gis_data.importing.words import SHAPES

_POINT, _LINE, _POLYGON = (0, 4), (1, 5, 2), (3, 6)
_NAMES = {0: "point", 4: "point", 1: "line", 5: "line", 2: "line", 3: "polygon", 6: "polygon"}
#: A line shorter than this, in metres, is none.
_SHORTEST_M = 0.001


def raw_geometry(layer: Layer, means: LayerMap) -> Any:
    """The layer's geometries, or those its map makes of columns; axes in the order x, y."""
    places = {k: means.columns[k] for k in ("wkt", "x", "y", "x2", "y2") if k in means.columns}
    geometry = layer.geometry
    if "wkt" in places or {"x", "y"} <= set(places):
        geometry = make_geometry(layer.columns, places)
    if geometry is None:
        return None
    geometry = np.asarray(geometry, dtype=object)
    if means.swap_axes:
        geometry = shapely.transform(geometry, lambda c: c[:, ::-1])
    return geometry


class Placed:
    """`lonlat` and `metres` are object arrays of geometries; `z` the height of points or NaN."""

    def __init__(
        self,
        sheet: Sheet,
        geometry: Any,
        system: System,
        expected: Bounds | None,
        epsg: int,
        notes: list[Note],
    ) -> None:
        self._sheet, self._notes = sheet, notes
        count = sheet.count
        self.lonlat = np.full(count, None, dtype=object)
        self.metres = np.full(count, None, dtype=object)
        self.z = np.full(count, np.nan)
        sheet.lonlat = np.full((count, 2), np.nan)
        self._set_aside(geometry)
        self._heights(geometry)
        coordinates, of = shapely.get_coordinates(geometry, return_index=True)
        lonlat = system.lonlat(coordinates)
        first = np.unique(of, return_index=True)
        finite = np.isfinite(lonlat[first[1]]).all(axis=1)
        sheet.lonlat[first[0][finite]] = lonlat[first[1][finite]]
        self._outside(coordinates, lonlat, of, expected)
        good = sheet.ok & ~shapely.is_missing(geometry)
        keep = good[of]
        usable = geometry.copy()
        usable[~good] = None
        usable = shapely.force_2d(usable)
        self.lonlat = shapely.set_coordinates(usable.copy(), lonlat[keep])
        self.metres = shapely.set_coordinates(
            usable.copy(), project_array(lonlat[keep], epsg)
        )
        self._shapes()

    def _set_aside(self, geometry: Any) -> None:
        sheet = self._sheet
        gone = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        for i in np.flatnonzero(gone):
            field, code, reason, params = sheet.place_error(int(i))
            if geometry[i] is not None:
                code, reason = "empty_geometry", "has an empty geometry"
            sheet.bad(int(i), field, code, reason, **params)
        allowed = SHAPES[sheet.means.role]
        kinds = shapely.get_type_id(geometry)
        fitting = [kind for kind, shape in _NAMES.items() if shape in allowed]
        for i in np.flatnonzero(~gone & ~np.isin(kinds, fitting)):
            shape = _NAMES.get(int(kinds[i]), "collection")
            sheet.bad(int(i), "geometry", "wrong_shape",
                      f"is a {shape}; a {sheet.means.role} is a {' or a '.join(allowed)}",
                      shape=shape, role=sheet.means.role)  # fmt: skip

    def _heights(self, geometry: Any) -> None:
        points = np.flatnonzero((shapely.get_type_id(geometry) == 0) & shapely.has_z(geometry))
        if len(points):
            self.z[points] = shapely.get_z(geometry[points])

    def _outside(self, xy: Any, lonlat: Any, of: Any, expected: Bounds | None) -> None:
        sheet = self._sheet
        broken = set(of[~np.isfinite(xy).all(axis=1)].tolist())
        for i in sorted(broken):
            field, code, reason, params = sheet.place_error(i)
            if code == "no_geometry":
                code, reason = "not_finite", "has a coordinate that is not a number"
            sheet.bad(i, field, code, reason, **params)
        away = set(of[~inside(lonlat, expected)].tolist()) - broken
        for i in sorted(away):
            x, y = xy[np.searchsorted(of, i)]
            sheet.bad(i, "geometry", "out_of_extent",
                      f"({x:g}, {y:g}) lies outside the city", x=float(x), y=float(y))  # fmt: skip

    def _shapes(self) -> None:
        sheet = self._sheet
        kinds = shapely.get_type_id(self.metres)
        for i in np.flatnonzero(np.isin(kinds, _LINE)):
            self._one_line(int(i), int(kinds[i]))
        lines = np.flatnonzero(np.isin(kinds, _LINE) & sheet.ok)
        for i in lines[shapely.length(self.metres[lines]) < _SHORTEST_M]:
            sheet.bad(int(i), "geometry", "zero_length", "has no length")
        for i in np.flatnonzero(kinds == 4):
            if shapely.get_num_geometries(self.metres[i]) > 1:
                sheet.bad(int(i), "geometry", "multipart", "consists of several points")
                continue
            for array in (self.lonlat, self.metres):
                array[i] = shapely.get_geometry(array[i], 0)
        areas = np.flatnonzero(np.isin(kinds, _POLYGON) & sheet.ok)
        if len(areas) and sheet.means.role != "zone":
            for array in (self.lonlat, self.metres):
                array[areas] = shapely.point_on_surface(array[areas])
            self._notes.append(
                Note("areas_as_points", f"{len(areas)} areas of {sheet.layer.name} became points",
                     {"count": len(areas), "layer": sheet.layer.name})
            )  # fmt: skip
        elif len(areas):
            self._repair(areas)

    def _one_line(self, i: int, kind: int) -> None:
        if kind != 5:
            return
        merged = shapely.line_merge(self.metres[i])
        if merged.geom_type != "LineString":
            self._sheet.bad(i, "geometry", "multipart", "consists of parts that do not meet",
                            parts=int(shapely.get_num_geometries(merged)))  # fmt: skip
            return
        self.metres[i] = merged
        self.lonlat[i] = shapely.line_merge(self.lonlat[i])

    def _repair(self, areas: Any) -> None:
        for i in areas[~shapely.is_valid(self.lonlat[areas])]:
            whole = shapely.make_valid(self.lonlat[i])
            parts = [p for p in shapely.get_parts(whole) if p.geom_type == "Polygon"]
            parts += [
                q for p in shapely.get_parts(whole) if p.geom_type == "MultiPolygon"
                for q in p.geoms
            ]  # fmt: skip
            if not parts:
                self._sheet.bad(int(i), "geometry", "no_area", "encloses nothing")
                continue
            self.lonlat[i] = MultiPolygon(parts)
            name = self._sheet.ids[i]
            self._notes.append(
                Note("area_repaired", f"the outline of {name} crossed itself and was repaired",
                     {"element": name, "layer": self._sheet.layer.name,
                      "line": int(self._sheet.layer.numbers[i])})
            )  # fmt: skip
