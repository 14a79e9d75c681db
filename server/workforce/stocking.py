"""Verbs for stock: promise a piece to an order, use it, let it go, count, receive, move.

A promise is one conditional UPDATE: two dispatchers asking for the last clamp queue on its row,
one gets it, the other is told who has it. The database refuses what would make less than nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, Protocol

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.workforce.models import Crew, Depot, Reservation, Shift, Stock, StockMove, Vehicle

MOST = 10_000


class Numbered(Protocol):
    """A work order, as far as stock is concerned."""

    number: str | None


def number_of(order: Numbered | str) -> str:
    return order if isinstance(order, str) else order.number or ""


def vehicle_of(crew: Crew) -> Vehicle | None:
    """What the crew drives now: the vehicle of its shift, else its own."""
    now = timezone.now()
    shift = Shift.objects.filter(crew=crew, starts__lte=now, ends__gt=now).first()
    if shift is not None and shift.vehicle is not None:
        return shift.vehicle
    return Vehicle.objects.filter(crew=crew).first()


def fitting(item: str, diameter_mm: float, material: str = "") -> QuerySet[Stock]:
    """Stock of a kind that fits a pipe, the narrowest range first."""
    size = Q(diameter_mm=diameter_mm, to_mm=None) | Q(
        diameter_mm__lte=diameter_mm, to_mm__gte=diameter_mm
    )
    made_of = Q(materials=[]) | Q(materials__contains=[material]) if material else Q()
    return Stock.objects.filter(size, made_of, item=item).order_by(
        F("to_mm").asc(nulls_first=True), "-diameter_mm", "id"
    )


def reserve_stock(
    order: Numbered | str, item: str, diameter_mm: float, crew: Crew, by: str, *,
    material: str = "", quantity: int = 1, depots: Sequence[int] | None = None,
) -> Reservation:  # fmt: skip
    """Promise pieces to a work order: from the crew's vehicle, else from a depot.

    `depots` are ids in the order in which they are to be asked; all of them by default. Conflict
    ('stock', 'none_left') names the orders that hold the last ones.
    """
    _check_item(item)
    _check_quantity(quantity, least=1)
    rows = fitting(item, diameter_mm, material)
    vehicle = vehicle_of(crew)
    places = [Q(vehicle=vehicle)] if vehicle is not None else []
    if depots is None:
        depots = list(Depot.objects.values_list("pk", flat=True))
    places += [Q(depot=pk) for pk in depots]
    with transaction.atomic():
        for place in places:
            for stock in rows.filter(place):
                free = Stock.objects.filter(
                    pk=stock.pk, quantity__gte=F("reserved") + quantity
                )
                if free.update(reserved=F("reserved") + quantity):
                    return _reserved(stock, order, crew, quantity, by)
        asked = rows.filter(reduce(or_, places)) if places else rows.none()
        raise _none_left(item, diameter_mm, asked)


def _reserved(
    stock: Stock, order: Numbered | str, crew: Crew, quantity: int, by: str
) -> Reservation:
    made = Reservation.objects.create(
        stock=stock, order=number_of(order)[:20], crew=crew, quantity=quantity, by=by
    )
    record("stock.reserve", f"order:{made.order}", note=f"{quantity} × {label(stock)}", by=by)
    _tell(stock, "reserved", by)
    return made


def _none_left(item: str, diameter_mm: float, rows: QuerySet[Stock]) -> Conflict:
    held = Reservation.objects.filter(stock__in=rows, state=Reservation.State.HELD)
    holders = sorted({r.order for r in held})
    words = {
        "item": str(Stock.Item(item).label), "dn": round(diameter_mm),
        "orders": ", ".join(holders),
    }  # fmt: skip
    text = _("No %(item)s for DN%(dn)s is left.")
    if holders:
        text = _("No %(item)s for DN%(dn)s is left: promised to %(orders)s.")
    return Conflict("stock", "none_left", text % words, holders=holders)


def use_stock(order: Numbered | str, by: str, *, quantity: int | None = None) -> int:
    """The work is done: what was promised to the order is used up. Returns the pieces used.

    `quantity` is what the crew says it used, from the first reservation on; the rest goes back.
    """
    left = quantity
    used = 0
    with transaction.atomic():
        for r in _held(order):
            n = r.quantity if left is None else min(left, r.quantity)
            left = None if left is None else left - n
            if n:
                Stock.objects.filter(pk=r.stock_id).update(
                    quantity=F("quantity") - n, reserved=F("reserved") - r.quantity
                )
                StockMove.objects.create(
                    stock=r.stock, change=-n, why=StockMove.Why.USED, order=r.order, by=by
                )
            else:
                _let_go(r)
            r.state = Reservation.State.USED if n else Reservation.State.RELEASED
            r.quantity, r.ended_at = n or r.quantity, timezone.now()
            r.save()
            used += n
            _tell(r.stock, "used" if n else "released", by)
    return used


def release_stock(order: Numbered | str, by: str) -> int:
    """The order ends without work: what was promised to it is free again. Returns how many."""
    with transaction.atomic():
        rows = list(_held(order))
        for r in rows:
            _let_go(r)
            r.state, r.ended_at = Reservation.State.RELEASED, timezone.now()
            r.save()
            _tell(r.stock, "released", by)
    return len(rows)


def _held(order: Numbered | str) -> QuerySet[Reservation]:
    return (
        Reservation.objects.select_for_update(of=("self",))
        .select_related("stock")
        .filter(order=number_of(order), state=Reservation.State.HELD)
        .order_by("stock", "pk")
    )


def _let_go(r: Reservation) -> None:
    Stock.objects.filter(pk=r.stock_id).update(reserved=F("reserved") - r.quantity)


def count_stock(
    place: Vehicle | Depot, item: str, diameter_mm: int, quantity: int, *, by: str,
    to_mm: int | None = None, materials: Sequence[str] = (), note: str = "",
) -> Stock:  # fmt: skip
    """Stock-take: so many lie there. Refused below what is promised to orders, naming them."""
    _check_item(item)
    _check_quantity(quantity)
    if not 1 <= diameter_mm <= MOST or (to_mm is not None and not diameter_mm <= to_mm <= MOST):
        raise Refused("diameter_mm", "out_of_range", _("That is no size of a pipe."))
    where = {"vehicle": place} if isinstance(place, Vehicle) else {"depot": place}
    with transaction.atomic():
        stock, _made = Stock.objects.select_for_update(of=("self",)).get_or_create(
            **where, item=item, diameter_mm=diameter_mm, to_mm=to_mm,
            materials=sorted({m.strip()[:12] for m in materials if m.strip()}),
        )  # fmt: skip
        if quantity < stock.reserved:
            held = stock.reservations.filter(state=Reservation.State.HELD)
            orders = ", ".join(sorted({r.order for r in held}))
            text = _("%(n)s of them are promised to %(orders)s.")
            raise Conflict(
                "quantity", "promised", text % {"n": stock.reserved, "orders": orders}
            )
        _change(stock, quantity - stock.quantity, StockMove.Why.COUNTED, by, note=note)
        stock.refresh_from_db()
    return stock


def move_stock(stock: Stock, place: Vehicle | Depot, quantity: int, *, by: str) -> Stock:
    """Pieces nobody waits for, from one place to another: a crew fills up in the depot."""
    _check_quantity(quantity, least=1)
    where = {"vehicle": place} if isinstance(place, Vehicle) else {"depot": place}
    with transaction.atomic():
        to, _made = Stock.objects.get_or_create(
            **where, item=stock.item, diameter_mm=stock.diameter_mm, to_mm=stock.to_mm,
            materials=stock.materials,
        )  # fmt: skip
        if to.pk == stock.pk:
            raise Refused("place", "same_place", _("They lie there already."))
        # In the order of their numbers, so that two moves never wait for each other in a circle.
        rows = Stock.objects.select_for_update(of=("self",)).filter(pk__in=[stock.pk, to.pk])
        locked = {s.pk: s for s in rows.order_by("pk")}
        if locked[stock.pk].free < quantity:
            text = _("Only %(n)s of them are free.") % {"n": locked[stock.pk].free}
            raise Conflict("quantity", "too_many", text)
        note = f"{label(stock)} → {label(to)}"
        _change(locked[stock.pk], -quantity, StockMove.Why.MOVED, by, note=note)
        _change(locked[to.pk], quantity, StockMove.Why.MOVED, by, note=note)
        to.refresh_from_db()
    return to


def take_stock(stock: Stock, quantity: int, *, by: str, order: str = "") -> Stock:
    """Used without a promise: what a crew says afterwards that it took."""
    _check_quantity(quantity, least=1)
    with transaction.atomic():
        locked = Stock.objects.select_for_update(of=("self",)).get(pk=stock.pk)
        if locked.free < quantity:
            text = _("Only %(n)s of them are free.") % {"n": locked.free}
            raise Conflict("quantity", "too_many", text)
        _change(locked, -quantity, StockMove.Why.USED, by, order=order)
        locked.refresh_from_db()
    return locked


def _change(
    stock: Stock, by_how_many: int, why: str, by: str, *, note: str = "", order: str = ""
) -> None:
    if not by_how_many:
        return
    Stock.objects.filter(pk=stock.pk).update(quantity=F("quantity") + by_how_many)
    StockMove.objects.create(
        stock=stock, change=by_how_many, why=why, note=note[:120], order=order[:20], by=by
    )
    record(f"stock.{why}", f"stock:{stock.pk}", note=f"{by_how_many:+} {label(stock)}", by=by)
    _tell(stock, str(why), by)


def _tell(stock: Stock, what: str, by: str) -> None:
    payload: dict[str, Any] = {
        "stock": stock.pk, "what": what, "vehicle": stock.vehicle_id, "depot": stock.depot_id,
    }  # fmt: skip
    publish("stock.changed", f"stock:{stock.pk}", topic="crews", by=by, **payload)


def label(stock: Stock) -> str:
    """Piece and place for logs: 'clamp DN100-150 DI, SP-101'."""
    size = f"DN{stock.diameter_mm}" + (f"-{stock.to_mm}" if stock.to_mm else "")
    where = stock.vehicle.plate if stock.vehicle else stock.depot.code if stock.depot else ""
    return ", ".join(x for x in (f"{stock.item} {size} {'/'.join(stock.materials)}".strip(), where))


def _check_item(item: str) -> None:
    if item not in Stock.Item.values:
        raise Refused("item", "unknown", _("There is no such item."))


def _check_quantity(quantity: int, *, least: int = 0) -> None:
    if not least <= quantity <= MOST:
        text = _("Give a number from %(least)s to %(most)s.") % {"least": least, "most": MOST}
        raise Refused("quantity", "out_of_range", text)
