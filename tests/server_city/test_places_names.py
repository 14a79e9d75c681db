"""What people call places and how they say it: old names, sounds, sides, plates, half a word."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from server.accounts.models import AuditRow
from server.places import aliases, coordinates, likeness, plates, sound
from server.places.houses import place_on
from server.places.models import Address, Alias, Plate
from server.places.normalise import key
from server.places.search import find_places


def first(text: str, **how):
    answer = find_places(text, **how)
    assert answer.results, answer.refused
    return answer.results[0]


def texts(text: str, **how) -> list[str]:
    return [f.text for f in find_places(text, **how).results]


# --- how alike -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [("King Street East", "KING ST E"), ("Max Becker Drive", "max becker dr"),
     ("长乐弄", "长樂巷"), ("Avenue Road", "avenue rd")],
)
def test_one_key_for_one_street(a, b):
    assert key(a) == key(b)


def test_what_tells_streets_apart_weighs_more_than_their_being_streets():
    like = likeness.likeness
    assert like(key("Somewhere St"), key("Somewhere St")) == 1
    assert like(key("Smewhere St"), key("Somewhere St")) > 0.8
    assert like(key("Nowhere St"), key("Elm St")) < likeness.LEAST
    assert like(key("东街"), key("西街")) < likeness.LEAST
    assert like(key("King Rd"), key("King St")) > like(key("Kong St"), key("King St"))


def test_letters_swapped_are_one_slip():
    assert likeness.distance("mlil", "mill") == 1
    assert likeness.distance("", "abc") == 3
    assert likeness.distance("a" * 40, "b") > 6


@pytest.mark.parametrize("typed", ["gaoxin 4 lu", "Gaoxin si lu", "gaoxing si lu"])
def test_pinyin_typed_in_latin_letters_is_the_sound_of_the_name(typed):
    assert sound.typed(typed.lower()) == sound.sound("高新四路") == sound.sound("高薪四路")
    assert sound.initials("高新四路") == "gxsl"


@pytest.mark.parametrize(
    "text",
    ["6010.200N 02456.400E", "geo:60.17,24.94", "https://maps.example/@60.17,24.94,17z",
     "35N 385700 6672127", "UTM 35 N 385700 6672127"],
)
def test_coordinates_as_receivers_and_links_write_them(text):
    found = coordinates.position(text)
    assert (found.lat, found.lon) == pytest.approx((60.17, 24.94), abs=2e-5)


@pytest.mark.parametrize("text", ["高德 34.259409, 108.944850", "GCJ-02: 108.944850, 34.259409",
                                  "火星坐标 34.259409 108.944850"])  # fmt: skip
def test_coordinates_said_to_be_a_map_services_are_turned_back(text):
    # The published pair of the bell tower of Xi'an.
    found = coordinates.position(text)
    assert (found.lon, found.lat) == pytest.approx((108.9402, 34.261), abs=1e-6)
    assert found.datum == "gcj02"


def test_outside_china_nothing_is_shifted():
    found = coordinates.position("GCJ-02 60.17, 24.94")
    assert (found.lat, found.lon, found.datum) == (60.17, 24.94, "")


# --- in the drawn city ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["gaoxin 4 lu 25 hao", "gaoxin si lu 25", "高薪四路25号",
                                  "高新四路25"])  # fmt: skip
def test_a_house_is_found_by_the_sound_of_its_street(city, text):
    found = first(text)
    assert (found.text, found.grade) == ("高新四路25号", "number")


def test_a_room_its_building_and_its_estate_in_this_order(city):
    from django.contrib.gis.geos import Point

    from server.places import houses, names

    for number, lon in (("24号楼", 24.9446), ("24栋2单元602室", 24.9448)):
        street_key, number_key, value, until = houses.columns("佳和国小区", number)
        Address.objects.create(
            source_id=number, street="佳和国小区", number=number, street_key=street_key,
            number_key=number_key, value=value, until=until, geom=Point(lon, 60.1713, srid=4326),
        )  # fmt: skip
    names.refresh()
    room = first("佳和国小区24号楼2单元602")
    assert (room.grade, room.lon) == ("room", 24.9448)
    assert first("佳和国小区24-2-602").lon == 24.9448
    building = first("佳和国小区24幢5单元101室")
    assert (building.grade, building.lon) == ("building", 24.9446)
    assert "5单元101室" in building.note
    estate = first("佳和国小区99栋1单元101室")
    assert (estate.grade, estate.lon) == ("estate", 24.9447)
    assert "99栋" in estate.note


def test_the_other_side_of_the_street_is_guessed_across_it(city):
    # Only 1 and 5 are known on the north side of Pohjoiskatu, and 2 on the south.
    found = first("Pohjoiskatu 4")
    assert found.source == "interpolated_both_sides"
    assert found.lat < 60.170
    assert "across" in found.note


@pytest.mark.parametrize("text", ["佳和国小区东门", "佳和国小区东门对面", "佳和国小区门口"])
def test_a_gate_that_is_not_on_record_is_its_estate(city, text):
    assert (first(text).text, first(text).grade) == ("佳和国小区", "estate")


@pytest.mark.parametrize(
    "text",
    ["高新四路与科技路交叉口往北200米", "高新四路和科技路路口向北二百米",
     "200 m north of 高新四路/科技路"],
)  # fmt: skip
def test_so_many_metres_from_a_crossing(city, text):
    found, corner = first(text), first("高新四路与科技路交叉口")
    assert (found.lat - corner.lat) * 110_574 == pytest.approx(200, abs=1)
    assert found.lon == corner.lon
    assert "200" in found.note and found.confidence < corner.confidence


def test_a_corner_of_a_crossing_is_the_crossing(city):
    assert first("高新四路与科技路交叉口东南角").grade == "crossing"


def test_streets_that_do_not_meet_are_said_not_to(city):
    answer = find_places("Pohjoiskatu and 科技路")
    assert not answer.results or answer.results[0].grade != "crossing"
    answer = find_places("Itäväylä / Itäväylä")
    assert all(f.grade != "crossing" for f in answer.results)


@pytest.mark.parametrize("text", ["雁塔区", "西安市雁塔区", "陕西省西安市"])
def test_a_whole_district_is_no_address(city, text):
    answer = find_places(text)
    assert answer.results == ()
    assert "district" in answer.refused or "called" in answer.refused


def test_without_a_map_the_premises_are_the_register_of_houses(db):
    from dataclasses import replace

    from gis_data.places import Places
    from server.cityload import filling
    from tests.server_city.conftest import drawn_city

    bare = replace(drawn_city(), places=Places([], [], []), streets=[])
    filling.fill_places(bare)
    found = first("Pohjoiskatu 7")
    assert (found.grade, found.source, found.lon) == ("number", "register", 24.945)


# --- as one types --------------------------------------------------------------------------------


def test_each_letter_narrows_what_is_offered(city):
    assert "Pohjoiskatu" in texts("po", typing=True)
    assert texts("pohjoiskatu 7", typing=True)[0] == "Pohjoiskatu 7 B"
    assert texts("gx", typing=True)[0] == "高新四路"
    assert texts("高", typing=True)[0] == "高新四路"
    assert texts("gaoxin s", typing=True)[0] == "高新四路"
    assert texts("高新四路2", typing=True)[0] == "高新四路25号"
    assert texts("Pohjoiskatu / It", typing=True)[0] == "Itäväylä / Pohjoiskatu"
    assert texts("佳和", typing=True) == ["佳和国小区"]


def test_half_a_word_is_no_address_once_it_is_finished(city):
    assert find_places("po").results == ()


def test_the_door_completes_what_is_typed(city, sign_in):
    found = sign_in("agent").get("/api/places", {"q": "pohj", "typing": "1"}).json()
    assert found["results"][0]["text"] == "Pohjoiskatu"


# --- plates and aliases --------------------------------------------------------------------------


def test_a_lamp_post_is_found_by_the_number_on_it(city, tmp_path):
    path = tmp_path / "lamps.csv"
    path.write_text("灯杆号,经度,纬度\nGX-0412,24.9441,60.1704\nGX-0413,24.9442,60.1705\n")
    assert plates.load(path) == 2
    for text in ("GX-0412", "gx0412", "路灯GX-0412号", "lamp post GX 0412"):
        found = first(text)
        assert (found.text, found.grade, found.source) == ("GX-0412", "asset", "lamp")
    path.write_text("number,lon,lat\nA1,24.9,nowhere\n")
    with pytest.raises(Exception, match="Line 2"):
        plates.load(path)
    assert Plate.objects.count() == 2


def test_a_meter_is_found_by_its_number(city):
    from server.customers.models import Meter

    meter = Meter.objects.select_related("premise").first()
    found = first(f"水表{meter.serial}")
    assert (found.source, found.lon) == ("meter", meter.premise.geom.x)


def test_an_old_name_leads_to_the_new_one_and_says_so(city, cast_of):
    aliases.add("老北街", "Pohjoiskatu", kind="old", by=cast_of)
    found = first("老北街")
    assert (found.text, found.grade) == ("Pohjoiskatu", "road")
    assert "老北街" in found.note
    assert first("老北街 1号").text == "Pohjoiskatu 1"
    aliases.add("三角地", "高新四路与科技路交叉口", by=cast_of)
    assert first("三角地").grade == "crossing"
    assert first("sanjiaodi").lon == first("三角地").lon
    assert AuditRow.objects.filter(action="alias.added").count() == 2


@pytest.fixture
def cast_of(db):
    from server.accounts.models import User

    return User.objects.create_user("sofia", role="supervisor")


def test_an_alias_of_nothing_or_of_a_name_that_is_one_is_refused(city, sign_in):
    door = sign_in("supervisor")
    for said, field in (
        ({"text": "", "means": "Pohjoiskatu"}, "text"),
        ({"text": "X-street", "means": "Nowhere Boulevard 7"}, "means"),
        ({"text": "X-street", "means": "Pohjoiskatu", "kind": "funny"}, "kind"),
        ({"text": "Itäväylä", "means": "Pohjoiskatu"}, "text"),
    ):
        refused = door.post("/api/place-aliases", said, "application/json")
        assert refused.status_code in (409, 422)
        assert refused.json()["errors"][0]["field"] == field
    made = door.post("/api/place-aliases", {"text": "The Mile", "means": "Pohjoiskatu"},
                     "application/json")  # fmt: skip
    assert made.status_code == 201
    assert first("the mile").text == "Pohjoiskatu"
    assert door.get("/api/place-aliases").json()["results"][0]["by"] == "supervisor-of-the-test"
    gone = door.post(f"/api/place-aliases/{made.json()['id']}/remove", {}, "application/json")
    assert gone.status_code == 200
    assert find_places("the mile").results == ()


def test_aliases_come_from_a_table_and_outlive_the_city(city, sign_in, tmp_path):
    sheet = "旧名,现名\n老北街,Pohjoiskatu\n没有,Nowhere Boulevard 7\n老北街,Pohjoiskatu\n"
    sent = SimpleUploadedFile("aliases.csv", sheet.encode("gb18030"))
    answer = sign_in("supervisor").post("/api/place-aliases/import", {"file": sent}).json()
    assert (answer["added"], answer["known"]) == (1, 1)
    assert answer["refused"][0]["line"] == 3
    from server.places import names

    names.refresh()
    assert first("老北街").text == "Pohjoiskatu"
    out = StringIO()
    path = tmp_path / "aliases.csv"
    path.write_text("alias,means,kind\nThe Mile,Pohjoiskatu,old\n")
    call_command("city", "aliases", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue())["added"] == 1
    assert Alias.objects.count() == 2


# --- on the command line -------------------------------------------------------------------------


def test_locate_prints_candidates_or_a_sentence(city):
    out = StringIO()
    call_command("locate", "Pohjoiskatu", "1", stdout=out)
    assert "24.942500,60.170100" in out.getvalue() and "number" in out.getvalue()
    out = StringIO()
    call_command("locate", "Pohjoiskatu 3", "--json", "--near", "24.94,60.17", stdout=out)
    found = json.loads(out.getvalue())
    assert found["results"][0]["source"] == "interpolated" and found["refused"] is None
    with pytest.raises(CommandError, match="called") as refused:
        call_command("locate", "Nowhere Boulevard 12")
    assert refused.value.returncode == 1
    with pytest.raises(CommandError, match="lon,lat"):
        call_command("locate", "Pohjoiskatu", "--near", "north")
    with pytest.raises(SystemExit) as ended:
        call_command("locate", "Nowhere Boulevard 12", "--json", stdout=StringIO())
    assert ended.value.code == 1


def test_a_house_stands_on_its_side_of_a_bent_street():
    #   (0,0) ---- (0.001,0)
    #                  |
    #              (0.001,0.001)     going north after the bend: left is the west
    line = [(0.0, 0.0), (0.001, 0.0), (0.001, 0.001)]
    lon, lat = place_on(line, 1.0, "left")
    assert lon < 0.001 and 0.0008 < lat < 0.001
    lon, _lat = place_on(line, 1.0, "right")
    assert lon > 0.001
    assert place_on([(0.0, 0.0), (0.0, 0.0)], 0.5, "left")[0] == pytest.approx(0, abs=1e-3)
