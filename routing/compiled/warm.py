"""Have the machine code ready before somebody asks."""

from __future__ import annotations

import tempfile
import time

from routing.grid import generate_grid_city
from routing.index import StreetIndex
from routing.model import Origin


def warm() -> float:
    """Ask a small made-up city everything once; the seconds it took.

    Where the code was kept from before this takes about a second, else some ten.
    """
    began = time.perf_counter()
    graph = generate_grid_city(4)
    edges = sorted(graph.edges(keys=True))
    graph.graph["restrictions"] = [
        {"from": (0, 1, 0), "via": 1, "to": (1, 2, 0), "kind": "no"},
    ]
    built = StreetIndex.compile(graph)
    with tempfile.TemporaryDirectory() as folder:
        built.save(folder)
        # Mapped columns are to the kernels what those just made are.
        index = StreetIndex.open(folder)
        places = [(float(x), float(y)) for (_, x), (_, y) in
                  zip(graph.nodes(data="x"), graph.nodes(data="y"), strict=True)]  # fmt: skip
        crews = [Origin(str(i), lon + 0.0003, lat) for i, (lon, lat) in enumerate(places)]
        index.apply(edges[20:21], {edges[3]: 10.0})
        index.nearest(places[5], crews)
        index.nearest(places[6], [Origin("0", *places[9]), *crews[1:]])
        index.alternatives(places[0], places[15])
        index.matrix(places[:3], places[:2])
        index.coverage(crews[:2])
        index.match([(lon, lat, float(i)) for i, (lon, lat) in enumerate(places[:3])])
        lon, lat = places[5]
        index.snap(lon + 0.0001, lat)
        index.crossed_by(index.edge_line(edges[5]).buffer(0.0001))
    return time.perf_counter() - began
