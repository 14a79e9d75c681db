"""Vector tiles: what is in them, from which zoom on, and what a browser may keep."""

from __future__ import annotations

import math

import pytest
from django.utils import timezone

from server.customers.models import Premise
from server.network import general
from server.network.models import Valve
from server.network.tiles import LAYERS, is_tile, tile
from tests.server_city.mvt import decode


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    rad = math.radians(lat)
    y = (1 - math.asinh(math.tan(rad)) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(y * 2**z)


def layer_at(name: str, z: int, lon: float = 24.944, lat: float = 60.1702):
    body = tile(name, z, *tile_at(lon, lat, z))
    return decode(body)[name] if body else None


def test_pipes_carry_what_the_map_needs(city):
    pipes = layer_at("pipes", 14)
    shown = {f["id"]: f for f in pipes.features}
    assert set(shown) == {"P1", "P2", "P3", "P4"}
    assert shown["P2"]["dn"] == 150
    assert (shown["P2"]["material"], shown["P2"]["zone"], shown["P2"]["closed"]) == (
        "PE", "low", False)
    assert isinstance(shown["P2"]["segment"], int)
    assert set(pipes.kinds) == {2}


def test_zoomed_out_only_the_large_pipes_remain(city):
    general.refresh()
    assert [f["dn"] for f in layer_at("pipes", 11).features] == [300]
    assert layer_at("pipes", 9) is None
    assert tile("pipes", 3, 4, 2) == b""


def test_valves_show_how_they_stand_now(city):
    Valve.objects.filter(asset="V2").update(position="closed")
    valves = {f["id"]: f for f in layer_at("valves", 15).features}
    assert valves["V2"]["state"] == "closed"
    assert valves["V1"]["state"] == "open"
    assert valves["V2"]["operable"] == "unknown"


def test_premises_without_water_are_marked(city):
    from server.outages.models import PremiseOff, ShutOff

    off = ShutOff.objects.create(target="P3", number="S-1")
    PremiseOff.objects.create(shut_off=off, premise=Premise.objects.get(code="clinic"),
                              off_at=timezone.now())
    PremiseOff.objects.create(shut_off=off, premise=Premise.objects.get(code="home"),
                              off_at=timezone.now(), on_at=timezone.now())
    tiles = [layer_at("premises", 16, lon, 60.1702) for lon in (24.943, 24.945)]
    premises = {f["id"]: f for layer in tiles for f in layer.features}
    assert {k: v["off"] for k, v in premises.items()} == {
        "clinic": True, "home": False, "school": False}
    assert premises["clinic"]["use"] == "hospital"
    # From further away only those that matter are drawn.
    assert {f["id"] for f in layer_at("premises", 14).features} == {"clinic", "school"}


@pytest.mark.parametrize(("name", "z", "count"), [("streets", 15, 4), ("streets", 14, 3),
                                                  ("streets", 11, 2), ("buildings", 15, 1),
                                                  ("hydrants", 15, 1), ("services", 16, 1),
                                                  ("places", 17, 3)])
def test_each_layer_has_its_features_from_its_zoom_on(city, name, z, count):
    found = layer_at(name, z, 24.9447, 60.1709) if name == "places" else layer_at(name, z)
    found = found or layer_at(name, z, 24.943, 60.1701)
    assert len(found.features) >= count if name in ("services", "places") else \
        len(found.features) == count


def test_every_layer_answers_at_every_zoom(city):
    for name in LAYERS:
        for z in range(20):
            tile(name, z, *tile_at(24.944, 60.1702, z))


def test_a_point_lies_where_it_should_in_the_tile(city):
    z = 16
    x, y = tile_at(24.946, 60.170, z)
    layer = decode(tile("hydrants", z, x, y))["hydrants"]
    size = 360 / 2**z
    assert layer.points[0][0] == pytest.approx((24.946 + 180 - x * size) / size * 4096, abs=1)


def test_a_tile_is_kept_by_its_tag_and_version(city, sign_in):
    client = sign_in("dispatcher")
    url = "/tiles/pipes/14/{}/{}.mvt".format(*tile_at(24.944, 60.1702, 14))
    first = client.get(f"{url}?v=1")
    assert first.status_code == 200
    assert first["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert "max-age" in first["Cache-Control"]
    assert "private" in first["Cache-Control"]
    again = client.get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    living = client.get(url.replace("pipes", "premises") + "?v=1")
    assert living["Cache-Control"] == "private, no-cache"


def test_an_empty_tile_has_no_content(city, sign_in):
    assert sign_in("agent").get("/tiles/pipes/14/0/0.mvt").status_code == 204


@pytest.mark.parametrize("address", ["14/99999/0", "-1/0/0", "99/0/0", "a/b/c", "14/0/-5",
                                     "3/8/0", "1e3/0/0", "99999999999/0/0"])
def test_what_is_no_tile_is_refused(city, sign_in, address):
    answer = sign_in("agent").get(f"/tiles/pipes/{address}.mvt")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "no_such_tile"


def test_an_unknown_layer_and_a_stranger_are_refused(city, sign_in, client):
    assert sign_in("agent").get("/tiles/pg_user/1/0/0.mvt").status_code == 404
    assert client.get("/tiles/pipes/1/0/0.mvt").status_code == 401
    assert not is_tile(2, 4, 0)
