"""EPANET files: reading with errors that name section and line, writing what reads back the same.

Isolation valves are no thing of EPANET. Where a file holds them as throttle valves in series with
pipes, as drawn networks often do, they become isolation valves here; `write_inp` writes them so.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import LineString

from gis_data.crs import CoordinateError, check_projected, measuring_system, unproject_array
from gis_data.inp_check import NetworkFileError, check_inp
from gis_data.inp_text import inp_text
from gis_data.model import Control, ControlKind, Headloss, Network, Node, Pipe, TankShape, Valve
from gis_data.series_valves import absorb_valves

__all__ = ["NetworkFileError", "read_inp", "write_inp"]

_HEADLOSS: dict[str, Headloss] = {"H-W": "H-W", "D-W": "D-W", "C-M": "C-M"}
_CONTROLS: dict[str, ControlKind] = {"PRV": "prv", "PSV": "psv", "FCV": "fcv", "TCV": "tcv"}


def write_inp(network: Network, path: Path | str) -> None:
    """Write an EPANET file that `read_inp` (same EPSG number) turns back into this network.

    EPANET keeps no materials, years, streets, zones, hydrants or services. Errors: NetworkError
    for ids EPANET cannot hold.
    """
    Path(path).write_text(inp_text(network), encoding="utf-8")


def read_inp(path: Path | str, crs: int, *, isolation_valves: bool = True) -> Network:
    """The network of an EPANET file whose coordinates are in EPSG:`crs`.

    `isolation_valves`: take throttle valves (TCV) for isolation valves.
    Errors: NetworkFileError naming section and line; for coordinates that cannot be in that
    system, with a hint.
    """
    path = Path(path)
    check_inp(path)
    import wntr

    with tempfile.TemporaryDirectory(prefix="standpipe-inp-") as place:
        try:
            with warnings.catch_warnings():
                # It warns of what the check above has settled, or of what no reader can act on.
                warnings.simplefilter("ignore")
                model = wntr.network.WaterNetworkModel(str(path))
            plain = Path(place) / "plain.inp"
            wntr.network.write_inpfile(model, str(plain), units="LPS")
            text = plain.read_text(encoding="utf-8", errors="replace")
        # Whatever wntr stumbles over, the file is what is wrong.
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NetworkFileError("file", None, f"{path.name}: {first[:200]}") from error
    where = _positions(path, model, crs)
    drawn = _Drawn(model, where, crs)
    valves = drawn.take_valves() if isolation_valves else {}
    patterns = {
        name: tuple(float(v) for v in model.get_pattern(name).multipliers)
        for name in model.pattern_name_list
    }
    default = str(model.options.hydraulic.pattern or "")
    return Network(
        path.stem,
        crs,
        drawn.nodes,
        drawn.pipes,
        valves,
        drawn.controls,
        {},
        {},
        patterns,
        int(model.options.time.pattern_timestep),
        default if default in patterns else "",
        _section(text, "CONTROLS"),
        _section(text, "RULES"),
        _HEADLOSS[str(model.options.hydraulic.headloss)],
    )


def _section(text: str, name: str) -> tuple[str, ...]:
    match = re.search(rf"^\[{name}\]\s*$(.*?)(?=^\[)", text, re.MULTILINE | re.DOTALL)
    lines = (line.split(";")[0].strip() for line in (match.group(1) if match else "").splitlines())
    return tuple(line for line in lines if line)


def _positions(path: Path, model: Any, crs: int) -> dict[str, tuple[float, float]]:
    names = list(model.node_name_list)
    missing = _without_coordinates(path, names)
    if missing:
        raise NetworkFileError(
            "COORDINATES",
            None,
            f"{len(missing)} of {len(names)} nodes have no "
            f"coordinates, the first is {missing[0]!r}",
        )
    try:
        lonlat = check_projected([model.get_node(n).coordinates for n in names], crs)
    except CoordinateError as error:
        raise NetworkFileError("COORDINATES", None, error.message) from error
    return {n: (float(p[0]), float(p[1])) for n, p in zip(names, lonlat, strict=True)}


def _without_coordinates(path: Path, names: list[str]) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace") + "\n[END]\n"
    given: set[str] = set()
    section = ""
    for line in text.splitlines():
        line = line.split(";")[0].strip()
        if line.startswith("["):
            section = line.upper()
        elif section.startswith("[COOR") and line:
            given.add(line.split()[0])
    return [n for n in names if n not in given]


class _Drawn:
    """The model's parts as our values, and the turning of throttle valves into valves."""

    def __init__(self, model: Any, where: dict[str, tuple[float, float]], crs: int) -> None:
        self._crs = crs
        self._unit = float(measuring_system(crs).axis_info[0].unit_conversion_factor)
        self._model = model
        self._where = where
        factor = float(model.options.hydraulic.demand_multiplier or 1.0)
        self.nodes = {name: self._node(name, factor) for name in model.node_name_list}
        self.pipes = {name: self._pipe(name) for name in model.pipe_name_list}
        self.controls = {
            name: self._control(name) for name in [*model.pump_name_list, *model.valve_name_list]
        }

    def _node(self, name: str, factor: float) -> Node:
        node = self._model.get_node(name)
        lon, lat = self._where[name]
        if node.node_type == "Reservoir":
            head = float(node.base_head)
            return Node(
                name,
                "reservoir",
                lon,
                lat,
                head,
                head_m=head,
                demand_pattern=node.head_pattern_name or "",
            )
        if node.node_type == "Tank":
            shape = TankShape(
                float(node.diameter),
                float(node.init_level),
                float(node.min_level),
                float(node.max_level),
            )
            return Node(name, "tank", lon, lat, float(node.elevation), tank=shape)
        demands = list(node.demand_timeseries_list)
        base = sum(float(d.base_value) for d in demands) * factor
        largest = max(demands, key=lambda d: abs(float(d.base_value)), default=None)
        pattern = (largest.pattern_name or "") if largest is not None else ""
        return Node(name, "junction", lon, lat, float(node.elevation), base, demand_pattern=pattern)

    def _line(self, link: Any) -> LineString:
        start, end = self._where[link.start_node_name], self._where[link.end_node_name]
        bends = (
            unproject_array(np.array(link.vertices) * self._unit, self._crs).tolist()
            if len(link.vertices)
            else []
        )
        return LineString([start, *bends, end])

    def _pipe(self, name: str) -> Pipe:
        link = self._model.get_link(name)
        diameter = float(link.diameter) * 1000
        rough = float(link.roughness)
        if str(self._model.options.hydraulic.headloss) == "D-W":
            rough *= 1000
        return Pipe(
            name,
            link.start_node_name,
            link.end_node_name,
            self._line(link),
            float(link.length),
            round(diameter, 6),
            "",
            None,
            rough,
            one_way=bool(link.check_valve),
            closed=str(link.initial_status).lower() == "closed",
            minor_loss=float(link.minor_loss),
        )

    def _control(self, name: str) -> Control:
        link = self._model.get_link(name)
        ends = (link.start_node_name, link.end_node_name)
        closed = str(link.initial_status).lower() == "closed"
        if link.link_type == "Pump":
            curve: tuple[tuple[float, float], ...] = ()
            power = None
            if link.pump_type == "HEAD":
                points = self._model.get_curve(link.pump_curve_name).points
                curve = tuple((float(q), float(h)) for q, h in points)
            else:
                power = float(link.power)
            speed = float(link.base_speed)
            return Control(
                name,
                *ends,
                "pump",
                self._line(link),
                0.0,
                speed if speed != 1.0 else None,
                curve,
                closed,
                power,
            )
        kind = _CONTROLS.get(link.valve_type)
        if kind is None:
            raise NetworkFileError(
                "VALVES",
                None,
                f"{name}: valves of type {link.valve_type} are "
                "not supported; PRV, PSV, FCV and TCV are",
            )
        return Control(
            name,
            *ends,
            kind,
            self._line(link),
            round(float(link.diameter) * 1000, 6),
            float(link.initial_setting),
            (),
            closed,
        )

    def take_valves(self) -> dict[str, Valve]:
        """Turn every throttle valve in series with a pipe into an isolation valve on that pipe."""
        throttles = [name for name, control in self.controls.items() if control.kind == "tcv"]
        smooth = self._model.options.hydraulic.headloss == "D-W"
        return absorb_valves(
            self.nodes, self.pipes, self.controls, throttles, 0.1 if smooth else 130.0
        )
