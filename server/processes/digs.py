"""Somebody digs near the mains: what lies there, may they, what did it cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.network.selectors import check_position, degrees_around
from server.processes.models import DamageClaim, Dig, DigPermit
from server.processes.rules import DIG_REACH_M, TRUNK_MM, MainNear, judge_dig
from server.tickets import services as tickets
from server.tickets.models import Incident

_MOST_POINTS = 2000


def read_area(data: object, field: str = "geometry") -> tuple[Any, bool]:
    """A GeoJSON Point, Polygon or MultiPolygon as a geometry in the city, and whether it had to be
    repaired (a ring that crosses itself). Refused naming `field`.
    """
    if not isinstance(data, dict) or data.get("type") not in ("Point", "Polygon", "MultiPolygon"):
        raise Refused(field, "shape", _("Send a point or an area as GeoJSON."))
    text = json.dumps({"type": data["type"], "coordinates": data.get("coordinates")})
    try:
        drawn = shapely.from_geojson(text)
    except (shapely.errors.GEOSException, ValueError, TypeError):
        raise Refused(field, "shape", _("Send a point or an area as GeoJSON.")) from None
    if drawn.is_empty or shapely.get_num_coordinates(drawn) > _MOST_POINTS:
        raise Refused(field, "size", _("That area is empty or has too many corners."))
    west, south, east, north = drawn.bounds
    for lon, lat in {(west, south), (east, north)}:
        check_position(lon, lat, field)
    repaired = not drawn.is_valid
    if repaired:
        parts = shapely.get_parts(shapely.make_valid(drawn)).tolist()
        areas = [a for p in parts for a in shapely.get_parts(p) if a.geom_type == "Polygon"]
        if not areas:
            raise Refused(field, "crossing", _("The border of that area crosses itself."))
        drawn = shapely.multipolygons(areas)
    return GEOSGeometry(memoryview(shapely.to_wkb(drawn)), srid=4326), repaired


def mains_near(shape: Any, *, reach_m: float = DIG_REACH_M) -> list[MainNear]:
    """Mains within `reach_m` of a geometry, nearest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asset, ST_Distance(geom::geography, dig.g::geography) AS metres,
                   diameter_mm, role <> 'distribution' OR diameter_mm >= %(trunk)s
            FROM network_pipe, (SELECT ST_GeomFromEWKB(%(shape)s) AS g) AS dig
            WHERE geom && ST_Expand(dig.g, %(degrees)s)
              AND ST_DWithin(geom::geography, dig.g::geography, %(reach)s)
            ORDER BY metres, asset LIMIT 100
            """,
            {
                "shape": bytes(shape.ewkb), "reach": reach_m, "trunk": TRUNK_MM,
                "degrees": degrees_around(reach_m),
            },
        )  # fmt: skip
        return [MainNear(r[0], round(float(r[1]), 2), float(r[2]), bool(r[3]))
                for r in cursor.fetchall()]  # fmt: skip


def permit_for(shape: Any, at: datetime) -> DigPermit | None:
    """The permit in force that covers the place, or most of it, at that moment."""
    return (
        DigPermit.objects.filter(
            valid_from__lte=at, valid_to__gt=at, revoked_at=None,
            geom__covers=shape.point_on_surface,
        )
        .order_by("valid_from", "pk")
        .first()
    )


def look(shape: Any, at: datetime | None = None) -> dict[str, Any]:
    """What lies near a dig and whether it is allowed; nothing is written."""
    moment = at or timezone.now()
    mains = mains_near(shape)
    permit = permit_for(shape, moment)
    verdict = judge_dig(mains, permitted=permit is not None)
    return {
        "verdict": verdict.code, "priority": verdict.priority, "mains": [asdict(m) for m in mains],
        "permit": permit_json(permit) if permit else None,
    }  # fmt: skip


def check(incident: Incident, *, by: str, shape: Any = None) -> Dig | None:
    """Look at the place of a reported dig, keep what was found, and set how urgent it is."""
    where = shape if shape is not None else incident.geom
    if where is None:
        return None
    with transaction.atomic():
        found = look(where)
        permit = DigPermit.objects.filter(number=found["permit"]["number"]).first() if found[
            "permit"] else None  # fmt: skip
        dig, _made = Dig.objects.update_or_create(
            incident=incident,
            defaults={
                "permit": permit, "verdict": found["verdict"], "mains": found["mains"],
                "checked_at": timezone.now(), "geom": where,
            },
        )  # fmt: skip
        tickets.set_priority(incident, found["priority"], by=by, why=f"dig.{found['verdict']}")
        record("dig.check", f"incident:{incident.number}", to_state=dig.verdict, by=by)
    return dig


def dig_json(dig: Dig) -> dict[str, Any]:
    return {
        "incident": dig.incident.number, "verdict": dig.verdict, "mains": dig.mains,
        "permit": permit_json(dig.permit) if dig.permit else None, "checked_at": dig.checked_at,
    }  # fmt: skip


# --- permits ------------------------------------------------------------------------------------

def permit_json(permit: DigPermit) -> dict[str, Any]:
    return {
        "number": permit.number, "holder": permit.holder, "purpose": permit.purpose,
        "conditions": permit.conditions, "valid_from": permit.valid_from,
        "valid_to": permit.valid_to, "revoked_at": permit.revoked_at,
    }  # fmt: skip


def grant(
    number: str, holder: str, geometry: object, valid_from: datetime, valid_to: datetime, *,
    by: str, purpose: str = "", conditions: str = "",
) -> DigPermit:  # fmt: skip
    """A third party may dig there for that time. Refused naming the field."""
    for field, value, most in (("number", number, 40), ("holder", holder, 120)):
        if not value.strip() or len(value) > most:
            raise Refused(field, "length", _("Fill this in, in a few words."))
    if valid_to <= valid_from:
        raise Refused("valid_to", "before_start", _("It must end after it begins."))
    shape, _repaired = read_area(geometry)
    if shape.geom_type == "Point":
        raise Refused("geometry", "shape", _("A permit is for an area, not for a point."))
    area = MultiPolygon(shape, srid=4326) if isinstance(shape, Polygon) else shape
    try:
        with transaction.atomic():
            permit = DigPermit.objects.create(
                number=number.strip(), holder=holder.strip(), purpose=purpose[:200],
                conditions=conditions[:4000], valid_from=valid_from, valid_to=valid_to, by=by,
                geom=area,
            )  # fmt: skip
            record("dig.permit", f"permit:{permit.number}", to_state="granted", by=by)
    except IntegrityError:
        raise Conflict("number", "exists", _("There is a permit of that number.")) from None
    return permit


def revoke(permit: DigPermit, *, by: str) -> DigPermit:
    """The permit ends now."""
    with transaction.atomic():
        permit = DigPermit.objects.select_for_update().get(pk=permit.pk)
        if permit.revoked_at is None:
            permit.revoked_at = timezone.now()
            permit.save(update_fields=["revoked_at"])
            record("dig.permit", f"permit:{permit.number}", to_state="revoked", by=by)
    return permit


# --- claims -------------------------------------------------------------------------------------

CLAIM_STEPS: dict[tuple[str, str], str] = {
    ("open", "send"): "sent",
    ("open", "drop"): "dropped",
    ("sent", "pay"): "paid",
    ("sent", "drop"): "dropped",
}


def claim(
    incident: Incident, *, liable: str, items: object, by: str, water_m3: object = None,
    note: str = "",
) -> DamageClaim:  # fmt: skip
    """Put together what the damage cost. Refused naming the field."""
    if not liable.strip() or len(liable) > 120:
        raise Refused("liable", "length", _("Say who has to pay."))
    rows, total = read_items(items)
    with transaction.atomic():
        made = DamageClaim.objects.create(
            incident=incident, asset=incident.pipe, liable=liable.strip(), items=rows, total=total,
            water_m3=_cubic_metres(water_m3), note=note[:4000], by=by,
        )  # fmt: skip
        made.number = f"C-{made.pk:04d}"
        made.save(update_fields=["number"])
        _told(made, "open", by=by)
    return made


def read_items(items: object) -> tuple[list[dict[str, str]], Decimal]:
    """[{what, amount}] with amounts to two decimals, and their sum. Refused naming the row."""
    if not isinstance(items, Sequence) or isinstance(items, str) or not 1 <= len(items) <= 100:
        raise Refused("items", "shape", _("List what it cost, item by item."))
    rows, total = [], Decimal(0)
    for n, item in enumerate(items):
        what = str(item.get("what") or "").strip() if isinstance(item, dict) else ""
        try:
            amount = Decimal(str(item.get("amount"))) if isinstance(item, dict) else Decimal("NaN")
        except InvalidOperation:
            amount = Decimal("NaN")
        if not what or len(what) > 200:
            raise Refused(f"items.{n}.what", "length", _("Fill this in, in a few words."))
        if not amount.is_finite() or not 0 <= amount <= Decimal("99999999"):
            raise Refused(f"items.{n}.amount", "not_a_number", _("Give an amount of money."))
        amount = amount.quantize(Decimal("0.01"))
        rows.append({"what": what, "amount": str(amount)})
        total += amount
    return rows, total


def _cubic_metres(value: object) -> float | None:
    if value in (None, ""):
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1e7:
        raise Refused("water_m3", "not_a_number", _("Give the water lost in cubic metres."))
    return number


def move_claim(made: DamageClaim, step: str, *, by: str) -> DamageClaim:
    """Send it, have it paid, drop it."""
    with transaction.atomic():
        made = DamageClaim.objects.select_for_update(of=("self",)).get(pk=made.pk)
        to_state = CLAIM_STEPS.get((made.state, step))
        if to_state is None:
            raise Conflict(
                "step", "illegal_transition", _("That step is not possible from here."),
                current=made.state,
            )  # fmt: skip
        made.state = to_state
        made.version += 1
        made.save(update_fields=["state", "version"])
        _told(made, to_state, by=by)
    return made


def _told(made: DamageClaim, state: str, *, by: str) -> None:
    record(f"claim.{state}", f"claim:{made.number}", to_state=state, by=by)
    publish(
        "claim.changed", f"claim:{made.pk}", topic="incidents", by=by, claim=made.number,
        state=state, incident=made.incident_id,
    )  # fmt: skip


def claim_json(made: DamageClaim) -> dict[str, Any]:
    return {
        "number": made.number, "incident": made.incident.number, "asset": made.asset,
        "liable": made.liable, "state": made.state, "state_label": str(made.get_state_display()),
        "items": made.items, "total": str(made.total), "water_m3": made.water_m3,
        "note": made.note, "created_at": made.created_at,
    }  # fmt: skip
