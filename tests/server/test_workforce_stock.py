"""Clamps, couplings and pipe: promised when a crew is sent, used when it is done, never below none.

        A (Crew North) ---- B ---- C          the burst is on P8 (DN150, between E and F)
        |                   |      |
        D ----------------- E -P8- F  depot East at F
        |                   |      |
        G (Crew South) ---- H      I          depot West at G
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import IntegrityError, ProgrammingError, transaction
from django.db.models import Sum
from django.utils import timezone

from server.accounts.refusals import Conflict, Refused
from server.dispatch import candidates
from server.dispatch import services as dispatch
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Event
from server.streets import index as streets
from server.workforce import services, stocking
from server.workforce.models import Depot, Reservation, Stock, StockMove, Vehicle
from tests import town as drawn

pytestmark = pytest.mark.django_db


@pytest.fixture
def depots(cast):
    """Two depots and not a clamp on any vehicle."""
    Stock.objects.all().delete()
    return {
        code: Depot.objects.create(code=code, name=f"Depot {code.title()}",
                                   geom=Point(*drawn.place(at), srid=4326))
        for code, at in (("east", "F"), ("west", "G"))
    }  # fmt: skip


def lay(place: Any, dn: int = 150, n: int = 1, **more: Any) -> Stock:
    where = {"vehicle": place} if isinstance(place, Vehicle) else {"depot": place}
    return Stock.objects.create(**where, diameter_mm=dn, quantity=n, **more)


def van(crew: Any) -> Vehicle:
    return Vehicle.objects.get(crew=crew)


def row_of(burst: Any, crew: Any) -> Any:
    return next(r for r in candidates.rank_crews(burst)[0] if r.candidate.id == crew.pk)


def codes(burst: Any, crew: Any) -> dict[str, Any]:
    return {r.code: r for r in row_of(burst, crew).reasons}


def go(order: Any, *actions: str) -> None:
    for action in actions:
        dispatch.act(order, Step(action, timezone.now(), reason="x"), who=Who.SUPERVISOR, by="sari")


def seconds(start: tuple[float, float], end: tuple[float, float]) -> float:
    return float(streets.route(start, end).seconds)


def test_the_detour_is_the_real_way_by_the_nearest_depot_that_has_the_piece(cast, burst, depots):
    place = (burst.geom.x, burst.geom.y)
    north = drawn.place("A")
    lay(depots["east"], 200)
    lay(depots["west"])
    reason = codes(burst, cast.north)["no_clamp"]
    west = drawn.place("G")
    by = seconds(north, west) + seconds(west, place) - seconds(north, place)
    assert reason.data["depot"] == "Depot West"
    assert reason.weight == pytest.approx(by, abs=0.1)
    assert "by Depot West first" in candidates.explain(reason)
    lay(depots["east"])
    east = drawn.place("F")
    by = seconds(north, east) + seconds(east, place) - seconds(north, place)
    reason = codes(burst, cast.north)["no_clamp"]
    assert (reason.data["depot"], reason.weight) == ("Depot East", pytest.approx(by, abs=0.1))
    # South stands in front of West: no detour at all where the depot lies on the way.
    assert codes(burst, cast.south)["no_clamp"].weight == pytest.approx(0.0, abs=0.1)


def test_where_nothing_is_left_the_list_says_so_and_the_crew_goes_all_the_same(
    cast, burst, depots
):
    assert "no_stock" in codes(burst, cast.north)
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    assert not Reservation.objects.exists()
    told = Event.objects.get(name="stock.missing")
    assert (told.payload["order"], told.payload["diameter_mm"]) == (order.number, 150.0)


def test_sending_promises_the_piece_on_the_vehicle(cast, burst, depots):
    lay(depots["east"])
    stock = lay(van(cast.north), n=2)
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    held = Reservation.objects.get(state="held")
    assert (held.stock, held.order, held.crew) == (stock, order.number, cast.north)
    stock.refresh_from_db()
    assert (stock.quantity, stock.reserved, stock.free) == (2, 1, 1)
    direct = seconds(drawn.place("A"), (burst.geom.x, burst.geom.y))
    assert order.route["seconds"] == pytest.approx(direct, abs=0.1)


def test_a_piece_from_the_depot_leads_the_way_and_the_arrival_by_it(cast, burst, depots):
    lay(depots["west"])
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    place, west = (burst.geom.x, burst.geom.y), drawn.place("G")
    whole = seconds(drawn.place("A"), west) + seconds(west, place)
    assert order.route["seconds"] == pytest.approx(whole, abs=0.3)
    assert order.route["by_depot"]["code"] == "west"
    late = (order.eta_at - order.dispatched_at).total_seconds()
    assert late == pytest.approx(whole, abs=1.0)
    from server.dispatch.lists import order_list

    (sent,) = order_list(cast.north).orders
    assert "from Depot West: Repair clamp DN150" in sent.what


def test_work_done_uses_the_piece_and_the_moves_add_up(cast, burst, depots):
    stock = stocking.count_stock(van(cast.north), "clamp", 150, 3, by="sari")
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    go(order, "accept", "depart", "arrive", "repaired", "restored", "complete")
    stock.refresh_from_db()
    assert (stock.quantity, stock.reserved) == (2, 0)
    assert Reservation.objects.get().state == "used"
    moved = StockMove.objects.filter(stock=stock)
    assert [(m.why, m.change, m.order) for m in moved] == [
        ("counted", 3, ""), ("used", -1, order.number),
    ]  # fmt: skip
    assert moved.aggregate(n=Sum("change"))["n"] == stock.quantity
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        moved.update(change=0)


@pytest.mark.parametrize("steps", [("decline",), ("recall",), ("accept", "depart", "recall"),
                                   ("accept", "depart", "arrive", "no_access")])  # fmt: skip
def test_an_order_that_ends_without_work_lets_the_piece_go(cast, burst, depots, steps):
    stock = lay(van(cast.north))
    order = dispatch.assign(burst, cast.north, by="mika", reason="x")
    go(order, *steps)
    stock.refresh_from_db()
    assert (stock.quantity, stock.reserved) == (1, 0)
    assert Reservation.objects.get().state == "released"


def test_who_asks_for_the_last_one_second_is_told_who_has_it(cast, depots):
    lay(van(cast.north))
    services.reserve_stock("W-1", "clamp", 150, cast.north, "mika", depots=[])
    with pytest.raises(Conflict, match=r"No Repair clamp for DN150 is left: promised to W-1") as no:
        services.reserve_stock("W-2", "clamp", 150, cast.north, "sari", depots=[])
    assert no.value.extra["holders"] == ["W-1"]


def test_a_promise_fits_the_pipe_by_range_and_material(cast, depots):
    iron = lay(depots["east"], 100, to_mm=200, materials=["CI", "DI"])
    lay(depots["east"], 150, materials=["PE"])
    held = services.reserve_stock("W-1", "clamp", 150, cast.north, "mika", material="DI")
    assert held.stock == iron
    with pytest.raises(Conflict):
        services.reserve_stock("W-2", "clamp", 150, cast.north, "mika", material="DI")
    services.reserve_stock("W-2", "clamp", 150, cast.north, "mika", material="PE")


def test_the_crew_says_how_many_it_used_and_the_rest_goes_back(cast, depots):
    stock = lay(van(cast.north), n=5)
    services.reserve_stock("W-1", "clamp", 150, cast.north, "mika", quantity=3)
    assert services.use_stock("W-1", "north", quantity=1) == 1
    stock.refresh_from_db()
    assert (stock.quantity, stock.reserved) == (4, 0)
    assert services.use_stock("W-1", "north") == 0, "a repeat uses nothing twice"


def test_a_count_below_what_is_promised_is_refused_with_the_orders(cast, depots):
    lay(van(cast.north), n=2)
    services.reserve_stock("W-7", "clamp", 150, cast.north, "mika", quantity=2)
    with pytest.raises(Conflict, match="2 of them are promised to W-7"):
        stocking.count_stock(van(cast.north), "clamp", 150, 1, by="sari")


def test_pieces_move_from_depot_to_vehicle_and_none_is_lost(cast, depots):
    source = stocking.count_stock(depots["east"], "clamp", 150, 5, by="sari")
    to = stocking.move_stock(source, van(cast.north), 2, by="sari")
    source.refresh_from_db()
    assert (source.quantity, to.quantity) == (3, 2)
    with pytest.raises(Conflict, match="Only 3 of them are free"):
        stocking.move_stock(source, van(cast.north), 4, by="sari")
    with pytest.raises(Refused, match="lie there already"):
        stocking.move_stock(source, depots["east"], 1, by="sari")


@pytest.mark.parametrize(
    "wrong", [{"quantity": -1}, {"reserved": 2}, {"depot": None, "vehicle": None}, {"to_mm": 100}]
)
def test_the_database_keeps_stock_sane_whatever_the_code_does(cast, depots, wrong):
    stock = lay(depots["east"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Stock.objects.filter(pk=stock.pk).update(**wrong)


def test_the_page_shows_what_is_where_and_of_what_nothing_is_left(cast, depots, client_of):
    lay(depots["east"], n=1)
    lay(depots["west"], 300, n=0)
    services.reserve_stock("W-1", "clamp", 150, cast.north, "mika")
    found = client_of(cast.mika).get("/api/stock").json()
    east = next(p for p in found["places"] if p["name"] == "Depot East")
    (piece,) = east["stock"]
    assert (piece["free"], piece["reserved"]) == (0, 1)
    assert piece["held"][0]["order"] == "W-1" and piece["held"][0]["crew"] == "Crew North"
    assert [(e["diameter_mm"]) for e in found["empty"]] == [150, 300]
