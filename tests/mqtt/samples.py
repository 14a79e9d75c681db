"""Messages for tests, each different where it must be."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt.messages import Position, Report
from mqtt.orders import CrewName, Order, OrderList, OrderPlace, OrderRoute, OrderValve, RouteStep

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_counter = itertools.count(1)


def position(at: float = 0.0, lon: float = 24.94, lat: float = 60.17, **more: Any) -> Position:
    """A fix `at` seconds after noon in central Helsinki."""
    when = NOON + timedelta(seconds=at)
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()), "seq": next(_counter), "fix_time": when, "device_time": when,
        "lon": lon, "lat": lat, "accuracy_m": 5.0,
    }
    return Position(**{**values, **more})


def report(**more: Any) -> Report:
    values: dict[str, Any] = {
        "id": str(uuid.uuid4()), "seq": next(_counter), "order": "W-1", "action": "accept",
        "at": NOON,
    }
    return Report(**{**values, **more})


def order(number: str = "W-1", **more: Any) -> Order:
    values: dict[str, Any] = {
        "number": number, "incident": "I-1", "kind": "valves", "state": "dispatched",
        "priority": "P1", "what": "Burst main DN 200: close 3 valves",
        "what_zh": "DN 200 干管爆管:关闭 3 个阀门",
        "place": OrderPlace("Mannerheimintie 5", 24.9402, 60.1690),
        "hazards": ("Tram power lines",), "waiting": 132,
        "valves": tuple(
            OrderValve(f"V-{n}", f"V{n}", 24.9402 + n / 2000, 60.1690 + n / 4000, n, "open",
                       "ok", 24)
            for n in (1, 2, 3)
        ),
        "route": OrderRoute(((24.935, 60.167), (24.9402, 60.1690)), 240, 900,
                            (RouteStep("Aleksanterinkatu", 900, "depart"),)),
        "next": ("accept", "decline"),
    }
    return Order(**{**values, **more})


def orders(version: int = 1, *rows: Order) -> OrderList:
    return OrderList(version, CrewName("1", "Crew 1"), NOON, rows)
