"""Verbs for the streets: close, slow down, extend, lift; a trench suggested, accepted, dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import shapely
from django.contrib.gis.geos import GEOSGeometry, LineString, MultiLineString
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from routing.errors import RoutingError
from routing.model import EdgeId
from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.network.selectors import check_position
from server.streets.index import expire, opened
from server.streets.models import StreetChange
from server.streets.reading import circle

Kind, Reason = StreetChange.Kind, StreetChange.Reason

#: How far from a street somebody may point who means it.
POINTED_M = 60.0
#: The trench of a burst: nobody drives past it on either side.
TRENCH_M = 6.0
#: How far from the street a pit may be and still be in it.
PIT_BESIDE_M = 15.0
_AGO = timedelta(minutes=10)


def close_area(
    polygon: shapely.Geometry,
    *,
    reason: str,
    by: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: str = "",
) -> StreetChange:
    """Nobody drives through the streets that touch `polygon` (lon, lat); who is inside gets out.

    Refused: ('area', 'no_street') and where it lies elsewhere, ('reason'), ('ends_at').
    """
    return _make(
        Kind.CLOSED, reason, area=polygon, streets=_crossed(polygon), by=by, starts_at=starts_at,
        ends_at=ends_at, note=note,
    )  # fmt: skip


def slow_area(
    polygon: shapely.Geometry,
    *,
    reason: str,
    by: str,
    kph: float | None = None,
    factor: float | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: str = "",
) -> StreetChange:
    """The streets that touch `polygon` are driven at `kph`, or at `factor` of their speed.

    Nothing gets faster by it. Refused as `close_area`; ('kph') unless one of the two is sound.
    """
    if (kph is None) == (factor is None):
        raise Refused("kph", "required", _("Give one speed: km/h, or a share of the usual."))
    if kph is not None and not 1 <= kph <= 130:
        raise Refused("kph", "out_of_range", _("Give a speed from 1 to 130 km/h."))
    if factor is not None and not 0.05 <= factor < 1:
        raise Refused("factor", "out_of_range", _("Give a share from 0.05 to below 1."))
    return _make(
        Kind.SLOWED, reason, area=polygon, streets=_crossed(polygon), by=by, kph=kph,
        factor=factor, starts_at=starts_at, ends_at=ends_at, note=note,
    )  # fmt: skip


def close_street(
    edges: Iterable[EdgeId] | None = None,
    *,
    reason: str,
    by: str,
    at: tuple[float, float] | None = None,
    both_ways: bool = True,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: str = "",
) -> StreetChange:
    """One stretch of street from junction to junction: `edges` as they are named, or the one at a
    place, in both directions unless `both_ways` is false (then in that of the edge).

    Refused: ('at', 'no_street'), ('edges', 'unknown_edge').
    """
    named = list(edges or ())
    if not named and at is not None:
        named = at_place(at, both_ways=both_ways)
    if not named:
        raise Refused("edges", "required", _("Say which street."))
    index = opened()
    if not all(index.has_edge(edge) for edge in named):
        raise Refused(
            "edges", "unknown_edge", _("The file of streets has no such stretch of street.")
        )
    named = list(dict.fromkeys(named))
    return _make(
        Kind.CLOSED, reason, edges=named, streets=_names(named), by=by, starts_at=starts_at,
        ends_at=ends_at, note=note,
    )  # fmt: skip


def at_place(at: tuple[float, float], *, both_ways: bool = True) -> list[EdgeId]:
    """The edges of the street at a place: the one it is snapped to, and the other way. Refused."""
    index = opened()
    try:
        edge = index.snap(*at, max_m=POINTED_M).edge
    except RoutingError as error:
        raise Refused("at", "no_street", _("There is no street near that place.")) from error
    back = index.other_way(edge) if both_ways else None
    return [edge, *([back] if back else [])]


def lift(change: StreetChange, *, by: str, reason: str = "") -> StreetChange:
    """Open again, at once. A suggestion is dropped by it. Conflict ('change', 'over')."""
    with transaction.atomic():
        locked, state = _locked(change)
        now = timezone.now()
        locked.lifted_at, locked.lifted_by, locked.lift_reason = now, by, reason[:300]
        locked.told = "ended" if state == "in_force" else locked.told
        _save(locked)
        record("street.lift", f"street:{locked.pk}", from_state=state, to_state="lifted",
               note=reason, by=by)  # fmt: skip
        _tell(locked, "dropped" if state == "suggested" else "lifted", by=by, was=state)
    return locked


def extend(change: StreetChange, *, ends_at: datetime | None, by: str) -> StreetChange:
    """Another end; None for "until lifted". Refused ('ends_at'); Conflict ('change', 'over')."""
    with transaction.atomic():
        locked, state = _locked(change)
        _check_times(locked.starts_at, ends_at)
        before = locked.ends_at.isoformat() if locked.ends_at else ""
        locked.ends_at = ends_at
        _save(locked)
        record("street.extend", f"street:{locked.pk}", from_state=state, to_state=state, by=by,
               note=f"{before} → {ends_at.isoformat() if ends_at else ''}")  # fmt: skip
        _tell(locked, "extended", by=by, was=state)
    return locked


def suggest_trench(
    order_number: str, place: tuple[float, float], *, by: str
) -> StreetChange | None:
    """A crew has dug: the street at the pit is suggested for closing. None where no street is.

    In force nowhere until a dispatcher accepts it. One per order, however often it is told.
    """
    index = opened()
    try:
        snap = index.snap(*place, max_m=PIT_BESIDE_M)
    except RoutingError:
        return None
    pit = shapely.Point(snap.lon, snap.lat)
    area = circle((pit.x, pit.y), TRENCH_M)
    if StreetChange.objects.filter(order_number=order_number, lifted_at=None).exists():
        return None
    return _make(
        Kind.CLOSED, Reason.EXCAVATION, area=area, streets=_crossed(area), by=by,
        order_number=order_number, accepted=False,
    )  # fmt: skip


def accept(change: StreetChange, *, by: str, ends_at: datetime | None = None) -> StreetChange:
    """A suggested closure comes into force now. Conflict where somebody decided already."""
    with transaction.atomic():
        locked, state = _locked(change)
        if state != "suggested":
            raise Conflict("change", "accepted", _("That closure is in force already."))
        now = timezone.now()
        _check_times(now, ends_at)
        locked.accepted_at, locked.accepted_by = now, by
        locked.starts_at, locked.ends_at, locked.told = now, ends_at, "began"
        _save(locked)
        record("street.accept", f"street:{locked.pk}", from_state=state, to_state="in_force", by=by)
        _tell(locked, "accepted", by=by, was=state)
    return locked


def lift_trench(order_number: str, *, by: str, suggested_only: bool = False) -> None:
    """The road is made good: what was closed or suggested for this trench is over."""
    rows = StreetChange.objects.filter(order_number=order_number, lifted_at=None)
    if suggested_only:
        rows = rows.filter(accepted_at=None)
    for change in rows.exclude(order_number=""):
        if change.state(timezone.now()) != "ended":
            lift(change, by=by, reason=order_number)


def tell_due(now: datetime | None = None) -> int:
    """Say of closures that have begun or ended by their time that they have; how many.

    The index of each process knows to the moment; this is for those who act on it, such as crews
    on their way. Asked once a second by the clock.
    """
    now = now or timezone.now()
    begun = Q(told="", starts_at__lte=now)
    over = Q(told="began", ends_at__lte=now)
    told = 0
    rows = StreetChange.objects.filter(begun | over, lifted_at=None).exclude(accepted_at=None)
    for pk in list(rows.values_list("pk", flat=True)[:100]):
        with transaction.atomic():
            change = StreetChange.objects.select_for_update(skip_locked=True).filter(
                begun | over, pk=pk, lifted_at=None
            ).first()  # fmt: skip
            if change is None:
                continue
            ended = change.ends_at is not None and change.ends_at <= now
            was = "in_force" if change.told else "planned"
            change.told = "ended" if ended else "began"
            _save(change, counts=False)
            _tell(change, change.told, by="system", was=was)
            told += 1
    return told


# -- inside ---------------------------------------------------------------------------------------


def _crossed(area: shapely.Geometry) -> list[str]:
    """Names of the streets that an area closes. Refused where it touches none."""
    try:
        edges = opened().crossed_by(area)
    except RoutingError:
        edges = ()
    if not edges:
        middle = area.representative_point()
        check_position(middle.x, middle.y, "area")
        raise Refused("area", "no_street", _("No street runs through that area."))
    return _names(edges)


def _names(edges: Sequence[EdgeId]) -> list[str]:
    index = opened()
    return sorted({name for edge in edges if (name := index.edge_name(edge))})


def _check_times(starts_at: datetime, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= max(starts_at, timezone.now()):
        raise Refused("ends_at", "too_early", _("The end must come after the beginning and now."))


def _make(
    kind: str,
    reason: str,
    *,
    streets: list[str],
    by: str,
    area: shapely.Geometry | None = None,
    edges: Sequence[EdgeId] = (),
    kph: float | None = None,
    factor: float | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    note: str = "",
    order_number: str = "",
    accepted: bool = True,
) -> StreetChange:
    if reason not in Reason.values:
        raise Refused(
            "reason", "unknown",
            _("Say why: %(reasons)s.") % {"reasons": ", ".join(Reason.values)},
        )  # fmt: skip
    now = timezone.now()
    starts_at = starts_at or now
    if starts_at < now - _AGO:
        raise Refused("starts_at", "too_early", _("A closure cannot begin in the past."))
    _check_times(starts_at, ends_at)
    index = opened()
    course = None
    if edges:
        lines = [index.edge_line(edge) for edge in edges]
        course = MultiLineString(*(LineString(*line.coords) for line in lines), srid=4326)
    with transaction.atomic():
        change = StreetChange.objects.create(
            kind=kind, reason=reason, note=note.strip()[:300],
            area=None if area is None else GEOSGeometry(area.wkb_hex, srid=4326),
            edges=[list(edge) for edge in edges], course=course, streets=streets[:200], kph=kph,
            factor=factor, starts_at=starts_at, ends_at=ends_at, order_number=order_number, by=by,
            accepted_at=now if accepted else None, accepted_by=by if accepted else "",
            told="began" if accepted and starts_at <= now else "",
        )  # fmt: skip
        _expire()
        state = change.state(now)
        record(f"street.{'close' if kind == Kind.CLOSED else 'slow'}", f"street:{change.pk}",
               to_state=state, note=f"{reason} {note}".strip(), by=by)  # fmt: skip
        _tell(change, "suggested" if not accepted else "made", by=by, was="")
    return change


def _locked(change: StreetChange) -> tuple[StreetChange, str]:
    locked = StreetChange.objects.select_for_update().get(pk=change.pk)
    state = locked.state(timezone.now())
    if state in ("lifted", "ended"):
        raise Conflict("change", "over", _("That is over already."), state=state)
    return locked, state


def _save(change: StreetChange, *, counts: bool = True) -> None:
    if counts:
        change.version += 1
    change.save()
    _expire()


def _expire() -> None:
    """This process looks at once: now for its own transaction, and when that has committed."""
    expire()
    transaction.on_commit(expire)


def _tell(change: StreetChange, phase: str, *, by: str, was: str) -> None:
    state = change.state(timezone.now())
    publish(
        "streets.changed", f"street:{change.pk}", topic="streets", by=by, change=change.pk,
        kind=change.kind, reason=change.reason, phase=phase, state=state, was=was,
        lifted=state == "lifted", streets=change.streets[:5], order=change.order_number,
        starts_at=change.starts_at.isoformat(),
        ends_at=change.ends_at.isoformat() if change.ends_at else None,
    )  # fmt: skip
