"""A drawn city: five nodes, four pipes, three valves, a few streets, three premises.

    R ==P1== A v1-P2-- B v2-P3-- C          v1, v2, v3: valves
                       v3
                       P4
                       D
"""

from __future__ import annotations

import pytest
from django.test import Client
from shapely.geometry import LineString, Polygon

from gis_data.grow import PremiseSeed
from gis_data.helsinki import Area, City
from gis_data.model import Hydrant, Network, Node, Pipe, Service, Valve
from gis_data.places import Address, Building, Places, Poi, Street

NODES = {
    "R": (24.940, 60.170), "A": (24.942, 60.170), "B": (24.944, 60.170), "C": (24.946, 60.170),
    "D": (24.944, 60.172),
}


def _node(name: str) -> Node:
    kind = "reservoir" if name == "R" else "junction"
    lon, lat = NODES[name]
    return Node(name, kind, lon, lat, 10.0, 1e-5, "low", "D1", head_m=60.0 if name == "R" else None)


def _pipe(name: str, start: str, end: str, mm: float) -> Pipe:
    line = LineString([NODES[start], NODES[end]])
    return Pipe(name, start, end, line, 111.0, mm, "PE", 1990, 130.0, zone="low", dma="D1",
                street="Pohjoiskatu")


def _service(premise: str, pipe: str, measure: float, lon: float, lat: float) -> Service:
    return Service(f"S-{premise}", pipe, measure, LineString([(lon, 60.170), (lon, lat)]), premise,
                   32.0)


def drawn_network() -> Network:
    pipes = [_pipe("P1", "R", "A", 300), _pipe("P2", "A", "B", 150), _pipe("P3", "B", "C", 100),
             _pipe("P4", "B", "D", 100)]
    valves = [
        Valve("V1", "P2", "A", 24.9421, 60.170, "gate", 150, turns=20),
        Valve("V2", "P3", "B", 24.9441, 60.170, "gate", 100, operable="unknown"),
        Valve("V3", "P4", "B", 24.944, 60.1701, "gate", 100),
    ]
    services = [_service("home", "P2", 0.5, 24.943, 60.1701),
                _service("clinic", "P3", 0.5, 24.945, 60.1701),
                Service("S-school", "P4", 0.5, LineString([(24.944, 60.171), (24.9442, 60.171)]),
                        "school", 32.0)]
    return Network(
        "drawn", 3067, {n: _node(n) for n in NODES}, {p.id: p for p in pipes},
        {v.id: v for v in valves}, {}, {"H1": Hydrant("H1", "C", *NODES["C"], "underground")},
        {s.id: s for s in services}, {"day": (0.5, 1.5)}, 43200, "day",
        ("LINK P1 OPEN AT TIME 0",),
    )


def drawn_city() -> City:
    addresses = [
        Address("a1", "Pohjoiskatu", "1", 24.9425, 60.1701),
        Address("a2", "Pohjoiskatu", "2", 24.9425, 60.1699),
        Address("a3", "Pohjoiskatu", "5", 24.9435, 60.1701),
        Address("a4", "Pohjoiskatu", "7 B", 24.9440, 60.1701),
        Address("a5", "高新四路", "25号", 24.9450, 60.1711),
        Address("a6", "二环南路西段", "12", 24.9452, 60.1712),
    ]
    pois = [Poi("n1", "Kaupungintalo", "townhall", 24.9445, 60.1705),
            Poi("n2", "佳和国小区", "residential", 24.9447, 60.1713),
            Poi("n3", "钟楼", "attraction", 24.9449, 60.1714)]
    streets = [
        Street("Pohjoiskatu", LineString([NODES["R"], NODES["A"], NODES["B"], NODES["C"]]),
               "residential"),
        Street("Itäväylä", LineString([NODES["B"], NODES["D"]]), "primary"),
        Street("高新四路", LineString([NODES["D"], NODES["A"]]), "secondary"),
        Street("科技路", LineString([(24.946, 60.172), NODES["D"]]), "service"),
    ]
    building = Building("w1", Polygon([(24.9424, 60.1700), (24.9427, 60.1700), (24.9427, 60.1702),
                                       (24.9424, 60.1702)]), "apartments", 4)
    premises = [
        PremiseSeed("home", "Pohjoiskatu 1", "w1", 24.943, 60.1701, "home", 2, 3, "Pohjoiskatu",
                    "1"),
        PremiseSeed("clinic", "Pohjoiskatu 7", "", 24.945, 60.1701, "hospital", 40, 3,
                    "Pohjoiskatu", "7", name="Pohjoisklinikka"),
        PremiseSeed("school", "Itäväylä 2", "", 24.9442, 60.171, "school", 200, 2, "Itäväylä", "2"),
    ]
    box = Polygon.from_bounds(24.938, 60.168, 24.948, 60.174)
    zones = [Area("low", "Low zone", "低压区", box)]
    halves = [Area("west", "West district", "西区", Polygon.from_bounds(24.938, 60.168, 24.943,
                                                                      60.174)),
              Area("east", "East district", "东区", Polygon.from_bounds(24.943, 60.168, 24.948,
                                                                      60.174))]
    return City("Drawn town", 3067, drawn_network(), Places(addresses, [building], pois), streets,
                premises, zones, [], halves, (24.941, 60.1702), box.bounds, None)  # type: ignore[arg-type]


@pytest.fixture
def city(db):
    """The drawn city in the tables; the compiled network is forgotten before and after."""
    from django.utils import timezone

    from server.cityload import filling
    from server.cityload.people import Living, invent
    from server.network import graph

    graph.forget()
    drawn = drawn_city()
    living = [Living(p.use, p.name, p.persons) for p in drawn.premises]
    version = filling.fill_network(drawn.network, "drawn")
    filling.fill_zones(drawn)
    filling.fill_places(drawn)
    filling.fill_customers(drawn, invent(living, seed=1, now=timezone.now()))
    filling.fill_areas(drawn.districts)
    filling.fill_city(drawn, "drawn", "画城", {})
    graph.store_segments(graph.compile_network(drawn.network, version.number))
    yield drawn
    graph.forget()


@pytest.fixture
def sign_in(db):
    """A client signed in with a role: sign_in("dispatcher")."""
    from server.accounts.models import User

    def signed_in(role: str) -> Client:
        user, _ = User.objects.get_or_create(username=f"{role}-of-the-test", role=role)
        client = Client()
        client.force_login(user)
        return client

    return signed_in
