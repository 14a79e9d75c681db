"""Pressures while a main stands open: one EPANET run for each place and size, within a time limit.

Pressure-driven demand (14 m wanted), mean demand, one instant. The open main is an emitter at a
node: `size` is what it would draw at that node's usual pressure, in cubic metres per second.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gis_data.inp_text import inp_text
from gis_data.model import Network

REQUIRED_PRESSURE_M = 14.0
#: A service pipe torn off, a crack, a broken distribution main, an open trunk main. m3/s.
SIZES_M3S = (0.005, 0.015, 0.04, 0.1)


class NoSimulation(RuntimeError):
    """EPANET cannot answer for this network; the message says why."""


@dataclass(frozen=True)
class Pressures:
    """`usual` (nodes,) and `open_at` (places, sizes, nodes), metres; rows follow `places`."""

    nodes: tuple[str, ...]
    places: tuple[str, ...]
    sizes_m3s: tuple[float, ...]
    usual: Any
    open_at: Any
    seconds: float

    def column(self) -> dict[str, int]:
        """Node -> its column."""
        return {name: n for n, name in enumerate(self.nodes)}


def simulate_bursts(
    network: Network,
    places: Sequence[str],
    *,
    sizes_m3s: Sequence[float] = SIZES_M3S,
    closed: Collection[str] = (),
    seconds: float = 30.0,
) -> Pressures:
    """Pressures with each of `places` (node ids) open. Stops after `seconds` with those it has.

    Reservoirs and tanks are left out of `places`. `closed`: pipes or valves shut at present.
    Errors: NoSimulation when EPANET refuses the network, or not one place was done in time.
    """
    import wntr.epanet.toolkit as toolkit
    from wntr.epanet.util import EN

    begin = time.monotonic()
    text = inp_text(
        at_mean_demand(network),
        isolation_valves=False,
        closed=closed,
        hours=0,
        required_pressure_m=REQUIRED_PRESSURE_M,
    )
    wanted = [p for p in dict.fromkeys(places) if network.nodes[p].kind == "junction"]
    done: list[str] = []
    rows: list[Any] = []
    engine = toolkit.ENepanet(version=2.2)
    with tempfile.TemporaryDirectory(prefix="standpipe-epanet-") as folder:
        inp = Path(folder) / "net.inp"
        inp.write_text(text, encoding="utf-8")
        try:
            engine.ENopen(str(inp), str(inp.with_suffix(".rpt")), str(inp.with_suffix(".bin")))
            count = engine.ENgetcount(EN.NODECOUNT)
            nodes = tuple(engine.ENgetnodeid(i) for i in range(1, count + 1))
            number = {name: n for n, name in enumerate(nodes)}
            engine.ENopenH()

            def solve() -> Any:
                engine.ENinitH(0)
                engine.ENrunH()
                return np.array(
                    [engine.ENgetnodevalue(i, EN.PRESSURE) for i in range(1, count + 1)]
                )

            usual = solve()
            for place in wanted:
                if time.monotonic() - begin > seconds:
                    break
                at = number[place]
                head = max(float(usual[at]), 1.0)
                row = []
                for size in sizes_m3s:
                    engine.ENsetnodevalue(at + 1, EN.EMITTER, size * 1000 / head**0.5)
                    row.append(solve())
                engine.ENsetnodevalue(at + 1, EN.EMITTER, 0.0)
                rows.append(np.stack(row))
                done.append(place)
            engine.ENcloseH()
        # The toolkit raises its own, OSError or ctypes errors depending on where EPANET stopped.
        except Exception as error:
            raise NoSimulation(str(error).strip().split("\n")[0][:200]) from error
        finally:
            _close(engine)
    if not done:
        raise NoSimulation("no place could be simulated in time")
    open_at = np.stack(rows)
    if not (np.isfinite(usual).all() and np.isfinite(open_at).all()):
        raise NoSimulation("EPANET's pressures are not numbers")
    return Pressures(
        nodes, tuple(done), tuple(sizes_m3s), usual, open_at, time.monotonic() - begin
    )


def at_mean_demand(network: Network) -> Network:
    """The network without its day: every node draws its base demand."""
    nodes = {n.id: replace(n, demand_pattern="") for n in network.nodes.values()}
    return replace(network, nodes=nodes, patterns={}, default_pattern="")


def _close(engine: Any) -> None:
    try:
        engine.ENclose()
    except Exception as error:  # noqa: BLE001
        # Closing what never opened is an error of its own and says nothing new.
        del error
