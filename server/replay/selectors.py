"""What the time slider shows: one moment whole, how much happened when, and what comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.dispatch.models import WorkOrder
from server.events.models import Event
from server.network.models import Valve
from server.replay.closures import closures
from server.replay.crews import crews
from server.replay.picture import Picture, of_kind, picture, water
from server.tickets.models import Incident, Kind, Ticket

# What the slider counts and jumps to: the family and its events.
FAMILIES: dict[str, tuple[str, ...]] = {
    "calls": ("call.ringing",),
    "incidents": ("incident.opened",),
    "orders": ("order.changed",),
    "valves": ("valve.closed", "valve.opened"),
    "water": ("shutoff.started", "shutoff.water_back", "shutoff.restored"),
    "promises": ("clock.escalated",),
}
_FAMILY_OF = {name: family for family, names in FAMILIES.items() for name in names}
LONGEST = timedelta(days=31)
BUCKETS = 480


def check(at: datetime, field: str = "at") -> None:
    """Refused for a moment that has not come, or that nobody wrote down."""
    if at > timezone.now() + timedelta(seconds=5):
        raise Refused(field, "future", _("That moment has not come yet."))
    begins = earliest()
    if begins is None or at < begins:
        raise Refused(
            field, "before_records",
            _("Nothing was written down then: the record begins %(when)s.")
            % {"when": timezone.localtime(begins).strftime("%Y-%m-%d %H:%M") if begins else "–"},
        )  # fmt: skip


def earliest() -> datetime | None:
    """When the record of events begins."""
    found: datetime | None = Event.objects.aggregate(first=Min("at"))["first"]
    return found


def moment(at: datetime, *, with_crews: bool) -> dict[str, Any]:
    """Everything the map and the lists show, as it was at `at`.

    `with_crews`: positions are shown only to those who may see tracks. Refused (`at`, 'future' or
    'before_records').
    """
    check(at)
    found = picture(at)
    orders = _orders(found)
    dry, back = water(at, found)
    people = crews(at, of_kind(found, "crew"), orders) if with_crews else []
    incidents = _incidents(at, found, orders)
    tickets = _tickets(found)
    return {
        "at": at,
        "incidents": {"type": "FeatureCollection", "features": incidents},
        "orders": orders,
        "crews": {"type": "FeatureCollection", "features": people},
        "crews_hidden": not with_crews,
        "tickets": tickets,
        "calls": _calls(found),
        "valves": _valves(found),
        "closures": {"type": "FeatureCollection", "features": closures(at)},
        "water": {"dry": dry, "back": back, "off": len(dry)},
    }


def _orders(found: Picture) -> list[dict[str, Any]]:
    known = of_kind(found, "order")
    kinds = {
        str(pk): (kind, name, name_zh)
        for pk, kind, name, name_zh in WorkOrder.objects.filter(pk__in=known).values_list(
            "pk", "kind", "crew__name", "crew__name_zh"
        )
    }
    chinese = _chinese()
    return [
        {
            "id": int(pk), "number": d["number"], "incident": d["incident"], "state": d["state"],
            "kind": kinds.get(pk, ("", "", ""))[0], "eta_at": d.get("eta_at"),
            "crew": {"id": d.get("crew"), "name": _shown(*kinds.get(pk, ("", "", ""))[1:], chinese)}
            if d.get("crew") else None,
        }
        for pk, d in sorted(known.items(), key=lambda item: int(item[0]))
    ]  # fmt: skip


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _shown(name: str | None, name_zh: str | None, chinese: bool) -> str:
    return (name_zh if chinese and name_zh else name) or ""


_NOT_THERE_YET = ("dispatched", "accepted", "en_route")


def _incidents(at: datetime, found: Picture, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = of_kind(found, "incident")
    rows = {str(i.pk): i for i in Incident.objects.filter(pk__in=known)}
    due = _due(at, [int(pk) for pk in known])
    callers = _callers(at, [int(pk) for pk in known])
    held: dict[int, dict[str, Any]] = {}
    for one in orders:
        if one["state"] != "paused":
            held[one["incident"]] = one
    features = []
    for pk, d in sorted(known.items(), key=lambda item: int(item[0])):
        row, order = rows.get(pk), held.get(int(pk))
        due_at, due_what = due.get(int(pk), (None, None))
        features.append(
            {
                "type": "Feature",
                "id": int(pk),
                "geometry": _place(d, row),
                "properties": {
                    "id": int(pk), "number": d["number"], "kind": d["kind"],
                    "kind_label": str(Kind(d["kind"]).label), "priority": d["priority"],
                    "state": d["state"],
                    "state_label": str(Incident.State(d["state"]).label),
                    "address": d.get("address", ""), "customers_off": d.get("customers_off", 0),
                    "opened_at": row.opened_at if row else None,
                    "callers": callers.get(int(pk), 0),
                    "due_at": due_at, "due_what": due_what,
                    "crew": order and order["crew"], "order": order and order["number"],
                    "order_state": order and order["state"],
                    "eta_at": order["eta_at"]
                    if order and order["state"] in _NOT_THERE_YET else None,
                },
            }
        )  # fmt: skip
    return features


def _place(data: dict[str, Any], row: Incident | None) -> dict[str, Any] | None:
    """Where it was thought to be: the event says so since it is written there, else the row."""
    if "lon" in data:
        lon, lat = data["lon"], data["lat"]
    else:
        lon, lat = (row.geom.x, row.geom.y) if row is not None and row.geom else (None, None)
    return {"type": "Point", "coordinates": [lon, lat]} if lon is not None else None


def _due(at: datetime, incidents: list[int]) -> dict[int, tuple[datetime, str]]:
    """The next promise of each incident that ran at `at`."""
    found: dict[int, tuple[datetime, str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT incident_id, due_at, kind FROM service_level_clock "
            "WHERE incident_id = ANY(%s) AND started_at <= %s "
            "AND (stopped_at IS NULL OR stopped_at > %s) ORDER BY due_at DESC",
            [incidents, at, at],
        )
        for pk, due_at, kind in cursor.fetchall():
            found[pk] = (due_at, kind)
    return found


def _callers(at: datetime, incidents: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT incident_id, count(*) FROM tickets_contact "
            "WHERE incident_id = ANY(%s) AND at <= %s GROUP BY 1",
            [incidents, at],
        )
        return dict(cursor.fetchall())


def _tickets(found: Picture) -> list[dict[str, Any]]:
    known = of_kind(found, "ticket")
    places = {
        str(pk): geom for pk, geom in Ticket.objects.filter(pk__in=known).values_list("pk", "geom")
    }
    rows = []
    for pk, d in sorted(known.items(), key=lambda item: int(item[0])):
        geom = places.get(pk)
        rows.append(
            {
                "number": d["number"], "state": d["state"], "kind": d["kind"],
                "incident": d.get("incident"),
                "lon": geom.x if geom else None, "lat": geom.y if geom else None,
            }
        )  # fmt: skip
    return rows


def _calls(found: Picture) -> list[dict[str, Any]]:
    known = of_kind(found, "call")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.call_id, ST_X(p.geom), ST_Y(p.geom) FROM calls_call c "
            "LEFT JOIN customers_premise p ON p.id = c.premise_id WHERE c.call_id = ANY(%s)",
            [list(known)],
        )
        places = {call: (lon, lat) for call, lon, lat in cursor.fetchall()}
    return [
        {
            "id": call, "state": d["state"], "verdict": d.get("verdict"), "since": d["since"],
            "lon": places.get(call, (None, None))[0], "lat": places.get(call, (None, None))[1],
        }
        for call, d in sorted(known.items(), key=lambda item: item[1]["since"])
    ]  # fmt: skip


def _valves(found: Picture) -> list[dict[str, Any]]:
    """Closed valves, and those found stuck in a shut-off that was open then."""
    still = set(of_kind(found, "shutoff"))
    known = {
        asset: d for asset, d in of_kind(found, "valve").items()
        if d["state"] == "closed" or d["shutoff"] in still
    }  # fmt: skip
    places = {v.asset: v.geom for v in Valve.objects.filter(asset__in=known)}
    return [
        {"id": asset, "state": d["state"], "since": d["since"],
         "lon": places[asset].x, "lat": places[asset].y}
        for asset, d in sorted(known.items()) if asset in places
    ]  # fmt: skip


def density(start: datetime, end: datetime) -> dict[str, Any]:
    """How much happened when: counts by family in equal buckets of [start, end).

    Also from when there is anything to replay. Refused for a period of nothing or over a month.
    """
    if end <= start:
        raise Refused("to", "before_from", _("The end lies before the beginning."))
    if end - start > LONGEST:
        raise Refused("to", "too_long", _("The slider spans 31 days at the most."))
    step = (end - start) / BUCKETS
    families: dict[str, list[int]] = {family: [0] * BUCKETS for family in FAMILIES}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, width_bucket(extract(epoch FROM at), %s, %s, %s), count(*) "
            "FROM events_event WHERE at >= %s AND at < %s AND name = ANY(%s) GROUP BY 1, 2",
            [start.timestamp(), end.timestamp(), BUCKETS, start, end, sorted(_FAMILY_OF)],
        )
        for name, bucket, count in cursor.fetchall():
            families[_FAMILY_OF[name]][min(max(bucket, 1), BUCKETS) - 1] += count
    return {
        "from": start, "to": end, "step_s": step.total_seconds(), "families": families,
        "earliest": earliest(), "zone": settings.TIME_ZONE,
    }  # fmt: skip


def neighbour(at: datetime, families: list[str], *, forward: bool) -> dict[str, Any] | None:
    """The next (or last) thing of these families after (before) `at`; None when there is none."""
    names = sorted(name for family in families for name in FAMILIES[family])
    rows = Event.objects.filter(name__in=names)
    if forward:
        found = rows.filter(at__gt=at).order_by("at", "id").first()
    else:
        found = rows.filter(at__lt=at).order_by("-at", "-id").first()
    if found is None:
        return None
    return {
        "at": found.at, "name": found.name, "family": _FAMILY_OF[found.name],
        "subject": found.subject, "number": found.payload.get("number"),
        "incident": found.payload.get("incident"), "state": found.payload.get("state"),
        "action": found.payload.get("action"), "by": found.by,
    }  # fmt: skip
