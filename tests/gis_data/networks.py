"""Random networks of every kind that the records can hold, for properties."""

from __future__ import annotations

from hypothesis import strategies as st
from shapely.geometry import LineString

from gis_data.model import Control, Hydrant, Network, Node, Pipe, Service, Station, Valve

LINE = LineString([(24.9, 60.1), (24.91, 60.1)])


@st.composite
def networks(draw: st.DrawFn, most: int = 8) -> Network:
    """Parallel pipes, doubled, shut, stuck and paved-over valves, check valves, pumps, tanks."""
    count = draw(st.integers(2, most))
    kinds = draw(
        st.lists(
            st.sampled_from(["junction"] * 5 + ["reservoir", "tank"]),
            min_size=count,
            max_size=count,
        )
    )
    nodes = {f"n{k}": Node(f"n{k}", kind, 24.9, 60.1, 0.0) for k, kind in enumerate(kinds)}
    pipes: dict[str, Pipe] = {}
    controls: dict[str, Control] = {}
    valves: dict[str, Valve] = {}
    for k in range(draw(st.integers(1, most + 4))):
        a, b = draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
        if draw(st.integers(0, 5)) == 0:
            kind = draw(st.sampled_from(["pump", "prv", "check", "tcv"]))
            shut = draw(st.integers(0, 8)) == 0
            controls[f"c{k}"] = Control(
                f"c{k}", f"n{a}", f"n{b}", kind, LINE, 100.0, closed=shut
            )
            continue
        pipes[f"p{k}"] = Pipe(
            f"p{k}", f"n{a}", f"n{b}", LINE, float(k + 1), 100, "", None, 100,
            one_way=draw(st.integers(0, 5)) == 0, closed=draw(st.integers(0, 8)) == 0,
        )  # fmt: skip
        for end in (a, b):
            for extra in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
                name = f"v{k}.{end}.{extra}"
                valves[name] = Valve(
                    name, f"p{k}", f"n{end}", 24.9, 60.1, "gate", 100.0,
                    draw(st.integers(0, 4)) > 0,
                    draw(st.sampled_from(["yes", "yes", "unknown", "no"])),
                    accessible=draw(st.sampled_from([None, True, True, False])),
                )  # fmt: skip
    links = [*pipes, *controls]
    services: dict[str, Service] = {}
    for k in range(draw(st.integers(0, 6))):
        # The line of a station's own may stand behind an earlier station, not behind a later one.
        through = draw(st.sampled_from(["", "", "Z0", "Z1"][: (2, 3, 4)[min(k, 2)]]))
        services[f"s{k}"] = Service(
            f"s{k}", draw(st.sampled_from(links)), 0.5, LINE, f"w{draw(st.integers(0, 3))}", 32.0,
            station=through,
        )  # fmt: skip
    stations = {
        f"Z{k}": Station(f"Z{k}", 24.9, 60.1, f"s{k}", 12.0, draw(st.sampled_from([0.0, 3.0])))
        for k in range(draw(st.integers(0, 2)))
    }
    hydrants = {
        f"h{k}": Hydrant(f"h{k}", f"n{draw(st.integers(0, count - 1))}", 24.9, 60.1, "")
        for k in range(draw(st.integers(0, 3)))
    }
    return Network(
        "random", 3067, nodes, pipes, valves, controls, hydrants, services, stations=stations
    )
