"""Mains drawn from far away, and tiles that are kept: never invented, never out of date."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from server.network import general, tile_cache
from server.network.models import Hydrant, Pipe, PipeGeneral, TileStore, Valve
from server.network.tile_changes import watched_tables
from server.network.tiles import tile
from tests.server_city.test_tiles import layer_at, tile_at

HERE = (24.944, 60.1702)


def rows(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def test_far_away_only_large_mains_are_kept_and_near_by_every_pipe(city):
    told = general.refresh()
    kept = {z: set(PipeGeneral.objects.filter(zoom=z).values_list("diameter_mm", flat=True))
            for z in (9, 10, 11, 12)}
    assert kept == {9: set(), 10: set(), 11: {300.0}, 12: {100.0, 150.0, 300.0}}
    assert told.pieces[12] == PipeGeneral.objects.filter(zoom=12).count()
    assert {f["dn"] for f in layer_at("pipes", 11).features} == {300}
    assert {f["id"] for f in layer_at("pipes", 13).features} == {"P1", "P2", "P3", "P4"}


def test_what_is_joined_invents_no_place_and_loses_none_by_more_than_half_a_pixel(city):
    # Twenty pipes of one kind in a crooked row become one line.
    Pipe.objects.all().delete()
    points = [f"{24.940 + k * 1e-3} {60.170 + k % 3 * 4e-4}" for k in range(21)]
    for k in range(20):
        Pipe.objects.create(
            asset=f"Q{k}", start=f"N{k}", end=f"N{k + 1}", length_m=60, diameter_mm=400,
            material="DI", year=1987, geom=f"SRID=4326;LINESTRING({points[k]}, {points[k + 1]})")
    general.refresh()
    row = PipeGeneral.objects.get(zoom=12)
    assert (row.diameter_mm, row.material, row.year) == (400.0, "DI", 1980)
    (invented, far), = rows(
        "WITH own AS (SELECT ST_Collect(geom_3857) AS g FROM network_pipe),"
        " points AS (SELECT (ST_DumpPoints(geom_3857)).geom AS p FROM network_pipegeneral"
        "            WHERE zoom = 12)"
        " SELECT (SELECT count(*) FROM points, own WHERE ST_Distance(p, g) > 1e-6),"
        "        (SELECT ST_HausdorffDistance(own.g, (SELECT ST_Collect(geom_3857)"
        "          FROM network_pipegeneral WHERE zoom = 12)) FROM own)")
    assert invented == 0
    assert far <= 40075016.68 / 2**12 / 1024


def test_in_a_crowd_the_smallest_diameters_give_way(city, monkeypatch):
    monkeypatch.setattr(general, "BUSIEST", 2)
    general.refresh()
    assert set(PipeGeneral.objects.filter(zoom=12).values_list("diameter_mm", flat=True)) == {
        150.0, 300.0}
    # Something is drawn even where the largest alone are too many.
    monkeypatch.setattr(general, "BUSIEST", 0)
    general.refresh()
    assert {p.diameter_mm for p in PipeGeneral.objects.filter(zoom=12)} == {300.0}


def test_water_runs_from_the_works_along_every_branch(city):
    # R ==P1== A -P2-- B -P3-- C and B -P4- D: no loop, so every direction is known.
    assert general.refresh().directed == 4
    assert set(Pipe.objects.values_list("flow", flat=True)) == {1}
    # A valve normally shut on P2: nothing behind it is fed any more.
    Valve.objects.filter(asset="V1").update(normally_open=False, position="closed")
    assert general.refresh().directed == 1
    assert dict(Pipe.objects.values_list("asset", "flow")) == {"P1": 1, "P2": 0, "P3": 0, "P4": 0}
    assert {f["id"]: f["flow"] for f in layer_at("pipes", 14).features}["P1"] == 1


@pytest.fixture
def counted(monkeypatch):
    """How often a tile was really made."""
    made = []
    real = tile_cache.tile
    monkeypatch.setattr(tile_cache, "tile", lambda *at: made.append(at) or real(*at))
    tile_cache.forget()
    yield made
    tile_cache.forget()


def test_a_tile_is_made_once_and_again_when_a_valve_turns(city, sign_in, counted):
    client = sign_in("engineer")
    at = "{}/{}".format(*tile_at(*HERE, 15))
    first = client.get(f"/tiles/valves/15/{at}.mvt")
    same = client.get(f"/tiles/valves/15/{at}.mvt")
    assert (first.content, first["ETag"]) == (same.content, same["ETag"])
    assert len(counted) == 1
    assert client.get(f"/tiles/valves/15/{at}.mvt",
                      headers={"If-None-Match": first["ETag"]}).status_code == 304
    Valve.objects.filter(asset="V2").update(position="closed")
    after = client.get(f"/tiles/valves/15/{at}.mvt", headers={"If-None-Match": first["ETag"]})
    assert after.status_code == 200
    assert after["ETag"] != first["ETag"]
    assert len(counted) == 2


def test_tiles_of_mains_made_beforehand_are_given_until_a_main_changes(city, counted):
    told = general.refresh()
    assert told.tiles == TileStore.objects.count() > 0
    where = (13, *tile_at(*HERE, 13))
    stored = tile_cache.tile_of("pipes", *where)
    assert counted == []
    assert stored.body == tile("pipes", *where)
    Pipe.objects.filter(asset="P2").update(closed=True)
    assert not TileStore.objects.exists()
    after = tile_cache.tile_of("pipes", *where)
    assert counted == [("pipes", *where)]
    assert after.etag != stored.etag


def test_a_change_of_one_table_leaves_the_tiles_of_others(city, counted):
    where = (15, *tile_at(*HERE, 15))
    for layer in ("pipes", "valves", "hydrants"):
        tile_cache.tile_of(layer, *where)
    Valve.objects.filter(asset="V1").update(position="closed")
    for layer in ("pipes", "valves", "hydrants"):
        tile_cache.tile_of(layer, *where)
    assert [layer for layer, *_ in counted] == ["pipes", "valves", "hydrants", "valves"]
    Hydrant.objects.all().delete()
    assert tile_cache.tile_of("hydrants", *where).body == b""


def test_premises_that_lose_water_change_their_tile(city, counted):
    from server.customers.models import Premise
    from server.outages.models import PremiseOff, ShutOff

    where = (14, *tile_at(*HERE, 14))
    before = tile_cache.tile_of("premises", *where)
    off = ShutOff.objects.create(target="P3", number="S-1")
    PremiseOff.objects.create(
        shut_off=off, premise=Premise.objects.get(code="home"), off_at=timezone.now())
    assert tile_cache.tile_of("premises", *where).etag != before.etag


def test_every_table_that_tiles_are_made_from_is_watched(city):
    on = {name for (name,) in rows(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'tiles_change'")}
    assert on == set(watched_tables())


def test_notes_of_changes_do_not_pile_up(city):
    old = "UPDATE network_tilechange SET at = now() - interval '2 hours'"
    with connection.cursor() as cursor:
        cursor.execute(old)
    kept = len(rows("SELECT id FROM network_tilechange WHERE source = 'network_valve'"))
    before = tile_cache.stamp_of("valves", 15)
    Valve.objects.filter(asset="V1").update(position="closed")
    assert kept >= 1
    assert len(rows("SELECT id FROM network_tilechange WHERE source = 'network_valve'")) == 1
    assert tile_cache.stamp_of("valves", 15) != before


def test_the_memory_is_bounded_and_forgets_the_longest_unused():
    cache = tile_cache.TileCache(max_bytes=3 * 1400)
    tiles = [tile_cache.Made(bytes(1000), str(k)) for k in range(4)]
    keys = [("db", "pipes", 14, k, 0) for k in range(4)]
    for key, made in zip(keys[:3], tiles, strict=False):
        cache.put(key, (1, 1), made)
    assert cache.get(keys[0], (1, 1)) is tiles[0]
    cache.put(keys[3], (1, 1), tiles[3])
    assert cache.get(keys[1], (1, 1)) is None
    assert cache.get(keys[0], (1, 1)) is tiles[0]
    assert cache.get(keys[0], (2, 1)) is None
    cache.put(keys[0], (2, 1), tile_cache.Made(bytes(99_999), "too large"))
    assert cache.size <= 3 * 1400


def test_the_mains_of_a_running_shut_off_are_a_layer(city):
    from server.outages.models import ShutOff

    off = ShutOff.objects.create(
        target="P3", number="S-7", plan={"pipes": ["P3"], "unintended_pipes": ["P4"]})
    assert layer_at("shutoffs", 15) is None
    off.started_at = timezone.now()
    off.save()
    found = {f["pipe"]: f["unintended"] for f in layer_at("shutoffs", 15).features}
    assert found == {"P3": False, "P4": True}
    off.restored_at = timezone.now()
    off.save()
    assert layer_at("shutoffs", 15) is None


def test_sources_zones_and_sewers_have_layers_of_their_own(city):
    from server.network.models import Manhole, Sewer, Station

    assert [f["id"] for f in layer_at("sources", 11).features] == ["R"]
    assert {f["id"] for f in layer_at("zones", 12).features} == {"low"}
    assert layer_at("zone_names", 14).kinds == [1]
    assert layer_at("nodes", 15) is None
    Manhole.objects.create(asset="M1", geom="SRID=4326;POINT(24.943 60.1701)")
    Manhole.objects.create(asset="M2", kind="outfall", geom="SRID=4326;POINT(24.9435 60.1701)")
    Sewer.objects.create(
        asset="W1", start="M1", end="M2", length_m=28, diameter_mm=250, carries="foul",
        geom="SRID=4326;LINESTRING(24.943 60.1701, 24.9435 60.1701)")
    Station.objects.create(asset="B1", service="S-home", geom="SRID=4326;POINT(24.943 60.1701)")
    assert layer_at("sewers", 13).features[0]["carries"] == "foul"
    assert layer_at("sewers", 12) is None
    assert {f["kind"] for f in layer_at("manholes", 16, 24.9432, 60.1701).features} == {
        "manhole", "outfall"}
    assert [f["id"] for f in layer_at("stations", 14).features] == ["B1"]


def test_from_far_away_only_valves_that_stand_wrong_are_drawn(city):
    assert layer_at("valves", 13) is None
    Valve.objects.filter(asset="V3").update(position="closed")
    assert [f["id"] for f in layer_at("valves", 13).features] == ["V3"]
    assert len(layer_at("valves", 14).features) == 3
