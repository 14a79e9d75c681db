"""The town of all stories: twelve pipes, ten valves, nine crossings, a dozen premises.

        Mill Street         (west to east)
    R ====P1==== A x---P2---- B x---P3---- C        R  reservoir
                 x            x            x        x  isolation valve, on the pipe it touches
                 P4           P5           P6       =  the trunk main, no valve
                 |            |            |
                 D x---P7---- E x---P8---- F        Church Street
                 x            x            x
                 P9           P10          P11
                 |            |            |
                 G ----P12--- H            I        Harbour Street

Under the same streets, a little beside the pipes, the waste water runs downhill to the harbour:

                    MB           MB, MD  heads    MI  outfall
                    |SW1         each manhole at the crossing of its letter
                    v
        MD --SW2--> ME
                    |SW3
                    v
                    MH --SW4--> MI

Crossings are 220 m apart; streets run along all pipes, and H--I is a street without a pipe.
A burst on P8 shuts V8, V6 and V11's near side: see STORY below.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import networkx as nx
from shapely import LineString, Polygon

from gis_data.drainage import Drainage, Manhole, Sewer
from gis_data.grow import PremiseSeed
from gis_data.helsinki import Area, City
from gis_data.model import Hydrant, Network, Node, Pipe, Service, Valve
from gis_data.places import Address, Building, Places, Poi, Street

ORIGIN_LON, ORIGIN_LAT = 24.9300, 60.1700
STEP_LON, STEP_LAT = 0.0040, 0.0020  # about 222 m each

CELLS = {
    "R": (-1, 0), "A": (0, 0), "B": (1, 0), "C": (2, 0), "D": (0, 1), "E": (1, 1), "F": (2, 1),
    "G": (0, 2), "H": (1, 2), "I": (2, 2),
}  # fmt: skip
PIPES = {
    "P1": ("R", "A", 300), "P2": ("A", "B", 200), "P3": ("B", "C", 150), "P4": ("A", "D", 200),
    "P5": ("B", "E", 150), "P6": ("C", "F", 150), "P7": ("D", "E", 150), "P8": ("E", "F", 150),
    "P9": ("D", "G", 100), "P10": ("E", "H", 100), "P11": ("F", "I", 100), "P12": ("G", "H", 100),
}  # fmt: skip
# A valve stands at the start of every pipe but the trunk and P12.
VALVES = {f"V{n}": f"P{n}" for n in range(2, 12)}
STREET_OF = {0: "Mill Street", 1: "Church Street", 2: "Harbour Street"}
CROSS_OF = {0: "West Lane", 1: "Middle Lane", 2: "East Lane"}


def place(name: str) -> tuple[float, float]:
    """(lon, lat) of a crossing."""
    x, y = CELLS[name]
    return ORIGIN_LON + x * STEP_LON, ORIGIN_LAT - y * STEP_LAT


def along(pipe: str, share: float) -> tuple[float, float]:
    """(lon, lat) on a pipe, `share` of the way from its start."""
    start, end, _ = PIPES[pipe]
    (x0, y0), (x1, y1) = place(start), place(end)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


@dataclass(frozen=True)
class Home:
    """One premise and who lives there; `pipe` and `share` say where its service line taps."""

    code: str
    pipe: str
    share: float
    address: str
    use: str
    customer: str
    phone: str
    language: str = "en"


# Who gets dry when P8 bursts: Anna, the clinic (P8); the school behind it (P11, cut off with it).
# Who more when V6 will not turn: Bo and the tea house (P6 and P3 fall into the same segment).
HOMES = (
    Home("anna", "P8", 0.3, "Church Street 21", "home", "Anna Virtanen", "0401000101"),
    Home("clinic", "P8", 0.7, "Church Street 25", "dialysis", "East Clinic", "0401000102"),
    Home("school", "P11", 0.5, "East Lane 8", "school", "Harbour School", "0401000103"),
    Home("tea", "P6", 0.5, "East Lane 4", "shop", "茶馆", "0401000104", "zh-hans"),
    Home("bo", "P3", 0.5, "Mill Street 15", "home", "王波", "+8613912345678", "zh-hans"),
    Home("cai", "P2", 0.5, "Mill Street 9", "home", "Cai Lind", "0401000106"),
    Home("dora", "P7", 0.5, "Church Street 11", "home", "Dora Berg", "0401000107"),
    Home("erik", "P5", 0.5, "Middle Lane 3", "home", "Erik Holm", "0401000108"),
    # Two homes behind one number: whose call it is must be asked.
    Home("farm1", "P9", 0.3, "West Lane 7", "home", "Lahti family", "0401000109"),
    Home("farm2", "P9", 0.7, "West Lane 9", "home", "Lahti family", "0401000109"),
    Home("gym", "P12", 0.5, "Harbour Street 5", "office", "Harbour Gym", "0401000110"),
    Home("hotel", "P10", 0.5, "Middle Lane 12", "office", "Hotel", "0401000111"),
)


def network() -> Network:
    """The pipes of the drawing."""
    nodes = {
        n: Node(
            n, "reservoir" if n == "R" else "junction", *place(n), elevation_m=10.0,
            base_demand_m3s=0.0 if n == "R" else 2e-4, zone="low", dma="D1",
            head_m=65.0 if n == "R" else None,
        )
        for n in CELLS
    }  # fmt: skip
    pipes = {
        name: Pipe(
            name, a, b, LineString([place(a), place(b)]), 222.0, float(mm), "DI", 1985, 130.0,
            zone="low", dma="D1", street=_street(a, b),
        )
        for name, (a, b, mm) in PIPES.items()
    }  # fmt: skip
    valves = {
        v: Valve(v, p, PIPES[p][0], *along(p, 0.05), "gate", float(PIPES[p][2]), operable="yes",
                 turns=24)
        for v, p in VALVES.items()
    }  # fmt: skip
    services = {
        f"S-{h.code}": Service(
            f"S-{h.code}", h.pipe, h.share,
            LineString([along(h.pipe, h.share), _beside(h)]), h.code, 32.0,
        )
        for h in HOMES
    }  # fmt: skip
    hydrants = {"H1": Hydrant("H1", "F", *place("F"), "underground"),
                "H2": Hydrant("H2", "A", *place("A"), "pillar")}  # fmt: skip
    return Network("town", 3879, nodes, pipes, valves, {}, hydrants, services)


def _street(a: str, b: str) -> str:
    (xa, ya), (xb, yb) = CELLS[a], CELLS[b]
    return STREET_OF[ya] if ya == yb else CROSS_OF[xa] if xa == xb else ""


def _beside(home: Home) -> tuple[float, float]:
    lon, lat = along(home.pipe, home.share)
    return lon + 0.0002, lat + 0.0001


def drainage() -> Drainage:
    """The sewers of the second drawing."""

    def manhole(at: str, ground: float, invert: float, kind: str = "manhole") -> Manhole:
        lon, lat = place(at)
        return Manhole(f"M{at}", lon + 0.00004, lat - 0.00002, ground, invert, kind)  # type: ignore[arg-type]

    known = {m.id: m for m in (
        manhole("B", 12.0, 9.5), manhole("D", 12.0, 9.0), manhole("E", 10.0, 7.5),
        manhole("H", 8.0, 5.5), manhole("I", 6.0, 3.5, "outfall"),
    )}  # fmt: skip
    ways = {"SW1": ("MB", "ME"), "SW2": ("MD", "ME"), "SW3": ("ME", "MH"), "SW4": ("MH", "MI")}
    sewers = {
        name: Sewer(
            name, a, b, LineString([(known[a].lon, known[a].lat), (known[b].lon, known[b].lat)]),
            222.0, 300.0, "VC", 1970, "foul", known[a].invert_m, known[b].invert_m,
        )
        for name, (a, b) in ways.items()
    }  # fmt: skip
    return Drainage(3879, known, sewers)


def streets() -> list[Street]:
    rows = [
        Street(_street(a, b), LineString([place(a), place(b)]), "residential")
        for a, b, _ in PIPES.values()
    ]
    return [*rows, Street("Harbour Street", LineString([place("H"), place("I")]), "residential")]


def street_graph() -> nx.MultiDiGraph:
    """The same streets as OSMnx would hold them; everyone drives 36 km/h."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    number = {n: i for i, n in enumerate(CELLS)}
    for n, i in number.items():
        lon, lat = place(n)
        graph.add_node(i, x=lon, y=lat)
    for a, b in [*((a, b) for a, b, _ in PIPES.values()), ("H", "I")]:
        for u, v in ((a, b), (b, a)):
            graph.add_edge(
                number[u], number[v], length=222.0, speed_kph=36.0, travel_time=22.2,
                name=_street(a, b), highway="residential", oneway=False,
                geometry=LineString([place(u), place(v)]),
            )  # fmt: skip
    return graph


def city() -> City:
    """Everything `server.cityload.filling` writes to the tables."""
    west, south = place("R")[0] - 0.002, place("G")[1] - 0.002
    east, north = place("C")[0] + 0.002, place("A")[1] + 0.002
    box = Polygon.from_bounds(west, south, east, north)
    middle = place("B")[0]
    premises = [
        PremiseSeed(h.code, h.address, "", *_beside(h), h.use, 4, 2, h.address.rsplit(" ", 1)[0],
                    h.address.rsplit(" ", 1)[1], name=h.customer if h.use != "home" else "")
        for h in HOMES
    ]  # fmt: skip
    addresses = [
        Address(f"a-{h.code}", h.address.rsplit(" ", 1)[0], h.address.rsplit(" ", 1)[1],
                *_beside(h))
        for h in HOMES
    ]  # fmt: skip
    house = Building("w1", Polygon.from_bounds(24.9312, 60.1702, 24.9316, 60.1704), "house", 2)
    return City(
        "Town", 3879, network(), Places(addresses, [house], [Poi("n1", "Harbour", "harbour",
                                                                 *place("H"))]),
        streets(), premises, [Area("low", "Low zone", "低压区", box)], [],
        [
            Area("west", "West district", "西区", Polygon.from_bounds(west, south, middle, north)),
            Area("east", "East district", "东区", Polygon.from_bounds(middle, south, east, north)),
        ],
        place("A"), box.bounds, None, drainage(),  # type: ignore[arg-type]
    )  # fmt: skip


def build(streets_folder: Path) -> None:
    """Put the town into the tables and its streets into a snapshot."""
    from django.utils import timezone

    from routing.index import StreetIndex
    from server.cityload import filling
    from server.cityload.people import Living, invent
    from server.customers.models import Account, Phone
    from server.network import graph

    graph.forget()
    town = city()
    living = [Living(p.use, p.name, p.persons) for p in town.premises]
    version = filling.fill_network(town.network, "town")
    filling.fill_zones(town)
    filling.fill_drainage(town.drainage)
    filling.fill_places(town)
    filling.fill_customers(town, invent(living, seed=1, now=timezone.now()))
    filling.fill_areas(town.districts)
    filling.fill_city(town, "town", "小镇", {})
    graph.store_segments(graph.compile_network(town.network, version.number))
    Phone.objects.all().delete()
    for home in HOMES:
        account = Account.objects.get(premise__code=home.code)
        account.name, account.language, account.sms_consent = home.customer, home.language, True
        account.save()
        Phone.objects.create(account=account, number=_comparable(home.phone))
    StreetIndex.compile(street_graph()).save(streets_folder)


def _comparable(phone: str) -> str:
    from server.customers.selectors import read_number

    return read_number(phone).number or phone
