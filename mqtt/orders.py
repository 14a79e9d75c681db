"""The order list of one crew: the whole truth of what it has to do, with a version.

The server sends the list whole and retained; a device keeps the one with the greatest version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, cast, get_args

from mqtt import fields as read
from mqtt.fields import BadMessage, Fields
from mqtt.messages import ACTIONS, Action

OrderKind = Literal["valves", "repair", "notices", "inspect"]
Priority = Literal["P1", "P2", "P3", "P4"]
ValveState = Literal["open", "closed", "cannot_close"]


@dataclass(frozen=True, slots=True)
class OrderPlace:
    """Where the work is: words and degrees."""

    address: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class OrderValve:
    """One valve of the shut-down plan; `sequence` is its number in closing order, from 1."""

    id: str
    label: str
    lon: float
    lat: float
    sequence: int
    state: ValveState
    condition: str = ""
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class RouteStep:
    """Drive `metres` along `street` after the `turn`."""

    street: str
    metres: float
    turn: str


@dataclass(frozen=True, slots=True)
class OrderRoute:
    """The way there as the server saw it when the order went out."""

    geometry: tuple[tuple[float, float], ...]
    seconds: float
    metres: float
    steps: tuple[RouteStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One work order as the crew sees it. `next` lists the legal actions, the main one first."""

    KEEP_NONE: ClassVar[tuple[str, ...]] = ("route",)

    number: str
    incident: str
    kind: OrderKind
    state: str
    priority: Priority
    what: str
    what_zh: str
    place: OrderPlace
    hazards: tuple[str, ...] = ()
    waiting: int = 0
    valves: tuple[OrderValve, ...] = ()
    route: OrderRoute | None = None
    next: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class CrewName:
    """Who the list is for."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class OrderList:
    """All orders of a crew at one moment. Versions only grow."""

    version: int
    crew: CrewName
    at: datetime
    orders: tuple[Order, ...] = ()


def parse_orders(payload: bytes) -> OrderList:
    """Bytes to OrderList, or BadMessage with the path of the field (``orders[0].place.lat``)."""
    data = read.load(payload)
    crew = read.inner(data, "crew")
    return OrderList(
        version=read.whole(data, "version"),
        crew=CrewName(_key(crew, "id", "crew."), read.text(crew, "name", path="crew.", most=200)),
        at=read.moment(data, "at"),
        orders=tuple(
            _order(row, path) for path, row in read.many_objects(data, "orders", most=200)
        ),
    )


def _key(data: Fields, name: str, path: str) -> str:
    """An identity: text, or a whole number written as such (both are common in JSON)."""
    value = read.required(data, name, path)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return read.text(data, name, path=path, most=120)


def _order(row: Fields, path: str) -> Order:
    place = read.inner(row, "place", path=path)
    lon, lat = read.place(place, path=path + "place.")
    return Order(
        number=_key(row, "number", path),
        incident=_key(row, "incident", path),
        kind=cast(OrderKind, read.choice(row, "kind", get_args(OrderKind), path=path)),
        state=read.text(row, "state", path=path, most=40),
        priority=cast(Priority, read.choice(row, "priority", get_args(Priority), path=path)),
        what=read.text(row, "what", path=path, most=1000),
        what_zh=read.text(row, "what_zh", path=path, most=1000, least=0),
        place=OrderPlace(
            read.text(place, "address", path=path + "place.", most=500, least=0), lon, lat
        ),
        hazards=read.many_texts(row, "hazards", path=path, most=50),
        waiting=read.whole(row, "waiting", 0, 10_000_000, path=path),
        valves=tuple(
            _valve(inner, where)
            for where, inner in read.many_objects(row, "valves", path=path, most=500)
        ),
        route=_route(row, path),
        next=cast(tuple[Action, ...], _actions(row, path)),
    )


def _actions(row: Fields, path: str) -> tuple[str, ...]:
    # A newer server may know steps this reader does not: those it cannot offer, the rest it can.
    names = read.many_texts(row, "next", path=path, most=50)
    return tuple(name for name in names if name in ACTIONS)


def _valve(row: Fields, path: str) -> OrderValve:
    lon, lat = read.place(row, path=path)
    turns = row.get("turns")
    return OrderValve(
        id=_key(row, "id", path),
        label=read.text(row, "label", path=path, most=120),
        lon=lon,
        lat=lat,
        sequence=read.whole(row, "sequence", 1, 10_000, path=path),
        state=cast(ValveState, read.choice(row, "state", get_args(ValveState), path=path)),
        condition=read.optional_text(row, "condition", path=path) or "",
        turns=None if turns is None else read.whole(row, "turns", 0, 100_000, path=path),
    )


def _route(row: Fields, path: str) -> OrderRoute | None:
    if row.get("route") is None:
        return None
    data = read.inner(row, "route", path=path)
    where = path + "route."
    return OrderRoute(
        geometry=tuple(
            _vertex(value, f"{where}geometry[{i}]")
            for i, value in enumerate(read.many(data, "geometry", path=where, most=20_000))
        ),
        seconds=read.number(data, "seconds", 0, 1e7, path=where, unit="s"),
        metres=read.number(data, "metres", 0, 1e8, path=where, unit="m"),
        steps=tuple(
            RouteStep(
                street=read.text(step, "street", path=inner, most=300, least=0),
                metres=read.number(step, "metres", 0, 1e8, path=inner, unit="m"),
                turn=read.text(step, "turn", path=inner, most=40, least=0),
            )
            for inner, step in read.many_objects(data, "steps", path=where, most=5000)
        ),
    )


def _vertex(value: Any, path: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) < 2:
        raise BadMessage(path, "is not [lon, lat]")
    return read.place({"lon": value[0], "lat": value[1]}, path=path + ".")
