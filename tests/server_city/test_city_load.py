"""Loading a city from real files: whole or not at all."""

from __future__ import annotations

import gzip
import shutil

import pytest
from django.db.models import Count

from routing.index import StreetIndex
from server.cityload import filling, loading
from server.cityload.people import Living, invent
from server.cityload.sources import CityLoadError
from server.customers.models import Account, Meter, Phone, Premise
from server.customers.selectors import match_caller
from server.network import graph, selectors
from server.network.models import NetworkVersion, Pipe, ServiceLine, Valve
from server.places.models import Address, City, Crossing, Street
from server.places.search import find_places
from tests.data import shared


@pytest.fixture
def streets(settings, monkeypatch, tmp_path):
    """Where the street index of this test goes."""
    monkeypatch.setitem(settings.STANDPIPE, "STREETS", tmp_path / "streets")
    graph.forget()
    yield tmp_path / "streets"
    graph.forget()


def counts() -> dict[str, int]:
    models = (Pipe, Valve, Premise, Account, Meter, Phone, Street, Address, City, NetworkVersion)
    return {m.__name__: m.objects.count() for m in models}


def test_the_demo_city_is_whole_and_the_second_load_does_nothing(db, streets):
    said = []
    loaded = loading.load_demo_city(said.append)
    assert loaded.code == "helsinki"
    assert said
    # Every account hangs on a main, through its premise and service line.
    assert Account.objects.count() == Premise.objects.count() == 2000
    lines = dict(ServiceLine.objects.values_list("premise", "pipe"))
    segments = dict(Pipe.objects.values_list("asset", "segment"))
    codes = list(Premise.objects.values_list("code", flat=True))
    assert all(segments[lines[code]] is not None for code in codes)
    assert selectors.place_of_premise(codes[0]).pipe == lines[codes[0]]
    assert Premise.objects.annotate(n=Count("meters")).exclude(n=1).count() == 0
    uses = set(Premise.objects.values_list("use", flat=True))
    assert {"home", "hospital", "school", "dialysis"} <= uses
    assert City.objects.get().bounds.covers(City.objects.get().depot)
    # A number that belongs to one account leads to it; one that is shared leaves the choice.
    owners = Phone.objects.values("number").annotate(n=Count("id"))
    for n, identity in ((1, "one"), (2, "many")):
        number = owners.filter(n=n).order_by("number").values_list("number", flat=True)[0]
        assert match_caller(number).identity == identity
    assert {"en", "zh"} == set(Account.objects.values_list("language", flat=True))
    some = Address.objects.order_by("id").first()
    assert find_places(f"{some.street} {some.number}").results[0].grade == "number"
    cross = Crossing.objects.order_by("id").first()
    found = find_places(f"{cross.street_a} / {cross.street_b}").results[0]
    assert found.grade == "crossing"
    plan = graph.isolate(ServiceLine.objects.order_by("id").first().pipe)
    assert plan.premises
    depot = City.objects.get().depot
    assert StreetIndex.open(streets).snap(depot.x, depot.y).distance_m < 100
    before = counts()
    again = loading.load_demo_city()
    assert again.skipped
    assert counts() == before
    # A database from a backup beside an empty state directory: only the index is made again.
    shutil.rmtree(streets)
    assert loading.load_demo_city().skipped
    assert StreetIndex.open(streets).nodes > 100
    assert counts() == before


GOOD = """[JUNCTIONS]
 J1 10 1
 J2 10 1
[RESERVOIRS]
 R1 50
[PIPES]
 P1 R1 J1 100 200 130 0 Open
 P2 J1 J2 {length} 200 130 0 Open
[OPTIONS]
 Units LPS
 Headloss H-W
[COORDINATES]
 R1 541000 4810000
 J1 541100 4810000
 J2 541200 4810000
[END]
"""
# A block of four streets; 0.001 of a degree is about a hundred metres.
BLOCK = """<osm version='0.6'>
<node id='1' lat='43.440' lon='-80.490'/><node id='2' lat='43.441' lon='-80.490'/>
<node id='3' lat='43.441' lon='-80.489'/><node id='4' lat='43.440' lon='-80.489'/>
{ways}</osm>"""
WAY = ("<way id='{n}'><nd ref='{a}'/><nd ref='{b}'/><tag k='highway' v='residential'/>"
       "<tag k='name' v='Street {n}'/></way>")


@pytest.fixture
def small(tmp_path):
    """Paths of a small network file and a small street file."""
    ways = "".join(WAY.format(n=n, a=n, b=n % 4 + 1) for n in (1, 2, 3, 4))
    (tmp_path / "good.inp").write_text(GOOD.format(length=100))
    (tmp_path / "block.osm").write_text(BLOCK.format(ways=ways))
    return tmp_path / "good.inp", tmp_path / "block.osm"


def test_a_network_and_streets_go_together(db, streets, small):
    network, block = small
    loaded = loading.load_city(network=network, streets=block, crs="epsg:26917")
    assert loaded.counts["streets"] == 4
    assert Crossing.objects.count() == 4
    assert StreetIndex.open(streets).nodes == 4
    assert graph.isolate("P2").premises


@pytest.mark.parametrize("step", ["fill_places", "fill_city"])
def test_a_load_that_fails_leaves_the_city_in_use_untouched(city, streets, small, monkeypatch,
                                                            step):
    before, depot = counts(), City.objects.get().depot

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", "streets")

    monkeypatch.setattr(filling, step, full)
    with pytest.raises(CityLoadError, match="No space left on device"):
        loading.load_city(network=small[0], streets=small[1], crs=26917)
    assert counts() == before
    assert City.objects.get().depot == depot
    assert graph.isolate("P2").premises
    assert not streets.exists()


def test_a_street_index_that_cannot_be_written_undoes_the_load(city, streets, small):
    before = counts()
    streets.write_text("a file where a directory should be")
    with pytest.raises(CityLoadError, match="street index cannot be written"):
        loading.load_city(network=small[0], streets=small[1], crs=26917)
    assert counts() == before


def test_a_network_grows_along_any_extract(db, streets):
    loaded = loading.load_city(streets=shared("streets/krems.osm.gz"), grow=True, name="Krems",
                               premises=200)
    assert (loaded.code, loaded.name) == ("krems", "Krems")
    assert Pipe.objects.count() > 100
    assert Premise.objects.count() == 200
    assert StreetIndex.open(streets).nodes > 200
    assert graph.isolate(Pipe.objects.filter(role="distribution").first().asset).segment_pipes


def test_a_real_network_is_loaded_without_streets(db, streets):
    loaded = loading.load_city(network=shared("kitchener/model.inp"), crs="EPSG:26917",
                               name="Kitchener")
    assert loaded.counts["pipes"] == Pipe.objects.count() > 600
    assert Valve.objects.count() > 150
    assert Premise.objects.count() == ServiceLine.objects.count() > 400
    city = City.objects.get()
    assert city.measure_epsg == 26917
    assert (city.depot.x, city.depot.y) == pytest.approx((-80.5, 43.45), abs=0.2)
    assert len(set(Pipe.objects.values_list("segment", flat=True))) > 100
    assert graph.isolate(ServiceLine.objects.first().pipe).premises
    assert not streets.exists()


def test_a_real_district_is_loaded_with_the_street_register_of_its_town(db, streets):
    """Kitchener whole: mains named by their streets, houses found by number, crews sent by road."""
    from routing.index import StreetIndex
    from server.places.search import find_places

    loading.load_city(
        network=shared("kitchener/model.inp"), streets=shared("kitchener/roads.csv.gz"),
        crs="EPSG:26917", name="Kitchener",
    )  # fmt: skip
    named = Pipe.objects.exclude(street="").count()
    assert named > 0.8 * Pipe.objects.count()
    assert Street.objects.count() > 5400
    found = find_places("35 Max Becker Dr").results[0]
    assert (round(found.lon, 2), round(found.lat, 2)) == (-80.51, 43.41)
    index = StreetIndex.open(streets)
    depot = City.objects.get().depot
    way = index.route((depot.x, depot.y), (found.lon, found.lat))
    assert way is not None and 0 < way.metres < 30_000


def test_a_table_of_streets_needs_its_system_named(db, streets, small):
    with pytest.raises(CityLoadError) as refused:
        loading.load_city(streets=shared("kitchener/roads.csv.gz"), grow=True)
    assert refused.value.field == "crs"


def test_another_city_takes_the_place_of_the_one_in_use(city, streets, small):
    loading.load_city(network=small[0], crs=26917, name="Other town")
    assert [c.code for c in City.objects.all()] == ["other-town"]
    assert not Street.objects.filter(name="Pohjoiskatu").exists()
    assert not Premise.objects.filter(code="clinic").exists()
    assert graph.version() == NetworkVersion.objects.count()


def test_a_city_with_shut_offs_on_record_is_not_replaced(city, streets, small):
    from server.outages.models import PremiseOff, ShutOff

    off = ShutOff.objects.create(target="P3", number="S-1")
    PremiseOff.objects.create(shut_off=off, premise=Premise.objects.get(code="clinic"))
    before = counts()
    with pytest.raises(CityLoadError, match="shut-offs on record"):
        loading.load_city(network=small[0], crs=26917)
    assert counts() == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("broken.osm", b"<osm><node id='1' lat='60.1' lon=", "broken.osm"),
        ("empty.osm", b"", "empty"),
        ("empty.osm", b"<osm version='0.6'></osm>", "no streets"),
        ("broken.osm.gz", b"this is no gzip", "broken.osm.gz"),
        ("cut.osm.gz", gzip.compress(b"<osm>" + b"<node id='1'/>" * 2000)[:60], "cut.osm.gz"),
        ("broken.osm.pbf", b"\x00\x00\x00\x0dgarbage", "broken.osm.pbf"),
        ("streets.doc", b"hello", "streets.doc"),
    ],
)
def test_a_broken_street_file_is_named_and_changes_nothing(city, streets, tmp_path, name, content,
                                                           says):
    path = tmp_path / name
    path.write_bytes(content)
    before = counts()
    with pytest.raises(CityLoadError) as error:
        loading.load_city(streets=path, grow=True)
    assert error.value.field in ("streets", "path")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert counts() == before


@pytest.mark.parametrize(
    ("text", "crs", "says"),
    [
        (GOOD.format(length="a hundred"), 26917, "bad.inp"),
        (GOOD.format(length="100").replace("P2 J1 J2", "P2 J1 J9"), 26917, "J9"),
        ("this is no network", 26917, "bad.inp"),
        ("", 26917, "bad.inp"),
        (GOOD.format(length="100"), 3857, "Web Mercator"),
        (GOOD.format(length="100"), 999999, "999999"),
        (GOOD.format(length="100"), "EPSG:abc", "EPSG"),
        (GOOD.format(length="100"), None, "--crs"),
        (GOOD.format(length="100").replace("541000", "9e9"), 26917, "coordinates"),
        (GOOD.format(length="100").replace(" 1\n", " 0\n"), 26917, "draws water"),
    ],
)
def test_a_broken_network_file_is_named_and_changes_nothing(city, streets, tmp_path, text, crs,
                                                            says):
    path = tmp_path / "bad.inp"
    path.write_text(text)
    before = counts()
    with pytest.raises(CityLoadError) as error:
        loading.load_city(network=path, crs=crs)
    assert says in str(error.value)
    assert counts() == before


@pytest.mark.parametrize("what", [{}, {"streets": "nowhere.osm", "grow": True},
                                  {"network": "nowhere.inp", "crs": 26917},
                                  {"streets": "a.osm"},
                                  {"streets": "a.osm", "network": "b.inp", "grow": True}])
def test_a_question_that_makes_no_sense_is_refused(city, streets, what):
    with pytest.raises(CityLoadError):
        loading.load_city(**what)


def test_the_same_seed_invents_the_same_people():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 23, tzinfo=UTC)
    living = [Living("home", "", 2)] * 500 + [Living("hospital", "Klinikka", 50)] * 3
    people = invent(living, seed=7, now=now)
    assert people == invent(living, seed=7, now=now)
    assert people != invent(living, seed=8, now=now)
    assert len({p.number for p in people}) == len({p.meter for p in people}) == len(people)
    assert people[-1].name == "Klinikka"
    assert people[-1].storage_hours >= 4
    assert all(luhn(p.number) for p in people)


def luhn(number: str) -> bool:
    digits = [int(d) for d in reversed(number)]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)]
    return sum(doubled) % 10 == 0
