"""Have the machine code ready before somebody asks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from gis_data.bench_city import CRS, generated_city
from gis_data.compiled.columns import NetworkArrays
from gis_data.isolation import SegmentIndex, isolate
from gis_data.snapping import Snapper
from gis_data.tracing import dry_after, trace


def warm() -> float:
    """Ask a small made-up city everything once; the seconds it took.

    Where the code was kept from before this takes about a second, else some ten.
    """
    began = time.perf_counter()
    city = generated_city(300)
    built = SegmentIndex(NetworkArrays.from_tables(city, name="warm", crs_measure=CRS))
    with tempfile.TemporaryDirectory() as folder:
        built.save(Path(folder) / "warm")
        index = SegmentIndex.open(Path(folder) / "warm")
        pipe = city["pipes"]["id"][0].decode()
        isolate(index, pipe)
        for kind in ("upstream", "downstream", "connected", "source_path"):
            trace(index, pipe, kind)
        dry_after(index, closed=[city["valves"]["id"][0].decode()], blocked_segments=[0])
        lon, lat = city["pipes"]["coords"][0]
        Snapper(index).snap(float(lon), float(lat))
    return time.perf_counter() - began
