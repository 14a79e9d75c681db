"""Which shut-offs concern a place: those covering it, and the nearest where none does.

A place is a premise, an address as somebody says it, or a point. Only what is under way or decided
counts. Where nothing covers the place the answer is the nearest with their distances, never a bare
"no": the address may have been understood wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.customers.models import Premise
from server.network.models import Pipe
from server.outages.models import PremiseOff, ShutOff
from server.outages.selectors import COMING, OPEN
from server.places.search import find_places

NEAREST = 5
DOOR_M = 60.0  # an address belongs to the premise at most this far from it
MAIN_M = 30.0  # a point on the street belongs to the main at most this far from it


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody asks about. `premise` is the code of the house there, '' for none known."""

    lon: float
    lat: float
    premise: str = ""
    text: str = ""


def of_premise(code: str) -> Place:
    """The place of a premise. Refused ('premise', 'unknown')."""
    found = Premise.objects.filter(code=code).first()
    if found is None:
        raise Refused("premise", "unknown", _("There is no such premise."), status=404)
    return Place(found.geom.x, found.geom.y, found.code, found.address)


def of_address(text: str) -> Place:
    """The place an address means. Refused ('address', 'not_found') with the reason."""
    answer = find_places(text)
    known = [f for f in answer.results if f.inside]
    if not known:
        raise Refused(
            "address", "not_found", str(answer.refused or _("That place is not ours.")), status=404
        )
    best = known[0]
    return Place(best.lon, best.lat, _premise_at(best.lon, best.lat), best.text)


def of_point(lon: float, lat: float) -> Place:
    """The place at a point; the nearest premise within a few steps stands for it."""
    return Place(lon, lat, _premise_at(lon, lat))


def _premise_at(lon: float, lat: float) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, ST_Distance(ST_Transform(geom, %(m)s), ST_Transform(p, %(m)s)) "
            "FROM customers_premise, (SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) AS p)"
            " AS q ORDER BY geom <-> p LIMIT 1",
            {"m": settings.STANDPIPE["MEASURE_EPSG"], "lon": lon, "lat": lat},
        )
        row = cursor.fetchone()
    return str(row[0]) if row and row[1] <= DOOR_M else ""


def covering(place: Place) -> list[ShutOff]:
    """Shut-offs the place stands in: under way first, then the next to come."""
    if place.premise:
        rows = PremiseOff.objects.filter(premise__code=place.premise, on_at=None)
        found = ShutOff.objects.filter(
            pk__in=rows.values("shut_off"), state__in=(*OPEN, *COMING)
        )  # fmt: skip
        return _in_order(list(found.select_related("incident")))
    near = _pipes_near(place)
    rows_now = ShutOff.objects.filter(state__in=(*OPEN, *COMING)).select_related("incident")
    return _in_order(
        [o for o in rows_now if near & _dry_pipes(o)]
    )


def _pipes_near(place: Place) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT asset FROM network_pipe, "
            "(SELECT ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326) AS p) AS q "
            "WHERE ST_DWithin(ST_Transform(geom, %(m)s), ST_Transform(p, %(m)s), %(near)s) "
            "AND geom && ST_Expand(p, 0.002)",
            {"m": settings.STANDPIPE["MEASURE_EPSG"], "lon": place.lon, "lat": place.lat,
             "near": MAIN_M},
        )  # fmt: skip
        return {row[0] for row in cursor.fetchall()}


def _in_order(rows: list[ShutOff]) -> list[ShutOff]:
    return sorted(
        rows,
        key=lambda o: (o.state not in OPEN, o.notice_from or o.started_at or o.created_at, o.pk),
    )


def nearest(place: Place, limit: int = NEAREST) -> list[tuple[ShutOff, float]]:
    """Shut-offs under way or decided with their distance in metres, nearest first."""
    rows = list(
        ShutOff.objects.filter(state__in=(*OPEN, *COMING)).select_related("incident")
    )
    if not rows:
        return []
    pairs = [(o.pk, pipe) for o in rows for pipe in o.plan.get("pipes", ())]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id, min(ST_Distance(ST_Transform(p.geom, %(m)s), ST_Transform("
            "ST_SetSRID(ST_MakePoint(%(lon)s, %(lat)s), 4326), %(m)s))) "
            "FROM unnest(%(ids)s::bigint[], %(pipes)s::text[]) AS s(id, pipe) "
            "JOIN network_pipe p ON p.asset = s.pipe GROUP BY s.id",
            {"m": settings.STANDPIPE["MEASURE_EPSG"], "lon": place.lon, "lat": place.lat,
             "ids": [p[0] for p in pairs], "pipes": [p[1] for p in pairs]},
        )  # fmt: skip
        metres = dict(cursor.fetchall())
    found = [(o, float(metres[o.pk])) for o in rows if o.pk in metres]
    return sorted(found, key=lambda pair: pair[1])[:limit]


def _dry_pipes(off: ShutOff) -> set[str]:
    return {*off.plan.get("pipes", ()), *off.plan.get("unintended_pipes", ())}


def streets(off: ShutOff) -> list[str]:
    """The streets a shut-off leaves dry, by name; never houses or people."""
    pipes = Pipe.objects.filter(asset__in=_dry_pipes(off)).exclude(street="")
    return sorted(set(pipes.values_list("street", flat=True)))


def short(off: ShutOff) -> dict[str, Any]:
    """What may be said of a shut-off to anybody: cause, hours, streets; no household."""
    return {
        "number": off.number, "planned": off.planned, "state": off.state,
        "state_label": str(off.get_state_display()), "cause": cause(off),
        "since": off.started_at, "back_at": off.expected_back_at,
        "from": off.notice_from, "to": off.notice_to, "streets": streets(off),
        "crew_there": bool(
            off.incident and off.incident.state in ("on_site", "isolated", "repaired")
        ),
    }  # fmt: skip


def cause(off: ShutOff) -> str:
    """Why the water is off, in the reader's language."""
    if off.planned:
        return off.reason or str(_("planned works"))
    return str(off.incident.get_kind_display()) if off.incident else ""
