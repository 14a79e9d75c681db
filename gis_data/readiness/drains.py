"""What is wrong or doubtful in the records of the drainage."""

from __future__ import annotations

from collections.abc import Iterator

from gis_data.drainage import Drainage
from gis_data.readiness.topology import finding
from gis_data.readiness.values import Finding

#: Levels are surveyed to a centimetre or two; less than this is no fall and no rise.
_RISE_M = 0.02


def drainage_findings(drainage: Drainage) -> Iterator[Finding]:
    used: set[str] = set()
    for sewer in drainage.sewers.values():
        used |= {sewer.start, sewer.end}
        coords = sewer.geometry.coords
        for node, place, invert in (
            (sewer.start, coords[0], sewer.invert_start_m),
            (sewer.end, coords[-1], sewer.invert_end_m),
        ):
            manhole = drainage.manholes.get(node)
            if manhole is None:
                yield finding("sewer_end_missing", sewer.id, place[0], place[1], node=node)
            elif invert is not None and manhole.ground_m and invert > manhole.ground_m:
                yield finding("sewer_against_ground", sewer.id, place[0], place[1], node=node)
        start, end = sewer.invert_start_m, sewer.invert_end_m
        if start is not None and end is not None and end - start > _RISE_M:
            yield finding("sewer_uphill", sewer.id, coords[0][0], coords[0][1],
                          rise_m=round(end - start, 2))  # fmt: skip
    for manhole in drainage.manholes.values():
        if manhole.id not in used and manhole.kind == "manhole":
            yield finding("manhole_without_sewer", manhole.id, manhole.lon, manhole.lat)
