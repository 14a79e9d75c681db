"""What callers say, and where it is; or an honest no."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.places import coordinates, parse
from server.places.normalise import fold, fold_near, numeral
from server.places.search import find_places


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Töölönkatu 5", "toolonkatu 5"),
        ("ÅKERBLOM", "akerblom"),
        ("Straße", "strasse"),
        ("高新四路２５号", "高新四路25号"),
        ("高新四路二十五号", "高新四路25号"),
        ("高新四路二〇三号", "高新四路203号"),
        ("12号楼", "12栋"),
        ("十二幢", "12栋"),
        ("三號樓", "3栋"),
        ("佳和 国 小区 24 栋", "佳和国小区24栋"),
        ("钟楼附近", "钟楼"),
        ("二环南路", "二环南路"),
    ],
)
def test_one_written_form_for_one_place(text, folded):
    assert fold(text) == folded


def test_words_that_only_say_near_are_noticed():
    assert fold_near("opposite Kaupungintalo") == ("kaupungintalo", True)
    assert fold_near("钟楼对面") == ("钟楼", True)
    assert fold_near("Kaupungintalo") == ("kaupungintalo", False)


@given(st.one_of(st.text(max_size=60), st.text("附近旁边二十百零〇号楼幢 栋12ÅäÉ,./", max_size=30)))
def test_folding_never_raises_and_changes_nothing_the_second_time(text):
    once = fold(text)
    assert fold(once) == once


@pytest.mark.parametrize(
    ("text", "value"),
    [("十", 10), ("十二", 12), ("二十", 20), ("一百零三", 103), ("一千二百", 1200), ("二〇三", 203),
     ("九", 9)],
)
def test_chinese_numerals(text, value):
    assert numeral(text) == value


@pytest.mark.parametrize(
    "text",
    ["60.17, 24.94", "60.17 24.94", "(60.17; 24.94)", "60,17 24,94", "N60.17 E24.94",
     "60.17N 24.94E", "60.17°N, 24.94°E", "60°10'12\"N 24°56'24\"E", "60° 10.2' N 24° 56.4' E",
     "lat 60.17 lon 24.94", "北纬60.17 东经24.94", "北纬60度10分12秒 东经24度56分24秒",
     "24.94E 60.17N"],
)
def test_coordinates_in_common_forms_are_read(text):
    found = coordinates.position(text)
    assert (found.lat, found.lon) == pytest.approx((60.17, 24.94))


@pytest.mark.parametrize("text", ["Pohjoiskatu 5", "12 34", "5.5", "N60", "N60 N24", "N60.1 S24.9",
                                  "N60°61' E24°10'", "999.9, 1.1", "NaN, NaN", "60.17", ""])
def test_other_texts_are_no_coordinates(text):
    assert coordinates.position(text) is None


def test_a_first_number_over_ninety_is_a_longitude():
    found = coordinates.position("108.94, 34.26")
    assert (found.lon, found.lat) == (108.94, 34.26)


@pytest.mark.parametrize(
    ("text", "street", "number", "rest"),
    [
        ("Mannerheimintie 5", "mannerheimintie", "5", ""),
        ("5 Main Street", "main street", "5", ""),
        ("Iso Roobertinkatu 20-22", "iso roobertinkatu", "20-22", ""),
        ("Mannerheimintie 5 B 12", "mannerheimintie", "5b", "12"),
        ("gaoxin si lu 25 hao", "gaoxin si lu", "25", ""),
    ],
)
def test_an_address_is_taken_apart(text, street, number, rest):
    assert parse.address(text) == parse.TypedAddress(street, number, rest)


@given(st.text(max_size=120))
def test_no_text_upsets_the_parser(text):
    coordinates.position(text)
    parse.crossing(text)
    parse.address(text)


def first(query, near=None):
    answer = find_places(query, near)
    assert answer.results, answer.refused
    return answer.results[0]


def test_an_address_on_record_is_found_however_it_is_typed(city):
    for text in ("Pohjoiskatu 1", "pohjoiskatu 1", "POHJOISKATU, 1", "pohjoiskatu 1 a 3"):
        found = first(text)
        assert (found.grade, found.source) == ("number", "register")
        assert (found.lon, found.lat) == (24.9425, 60.1701)
    assert first("Pohjoiskatu 7B").text == "Pohjoiskatu 7 B"


def test_a_slip_of_the_pen_still_finds_the_street_with_less_confidence(city):
    found = first("Pohjoskatu 1")
    assert found.text == "Pohjoiskatu 1"
    assert found.confidence < first("Pohjoiskatu 1").confidence


def test_a_missing_number_is_placed_between_its_neighbours_and_says_so(city):
    found = first("Pohjoiskatu 3")
    assert (found.grade, found.source) == ("number", "interpolated")
    assert (found.lon, found.lat) == pytest.approx((24.9430, 60.1701))
    assert "1" in found.note
    assert "5" in found.note
    assert found.confidence < 0.8


def test_beyond_the_last_house_only_the_road_is_offered(city):
    found = first("Pohjoiskatu 99")
    assert found.grade == "road"
    assert "99" in found.note


def test_a_street_alone_is_a_road_near_the_place_given(city):
    found = first("Pohjoiskatu", near=(24.9445, 60.1705))
    assert found.grade == "road"
    assert found.lon == pytest.approx(24.9445, abs=1e-4)


@pytest.mark.parametrize("text", ["Pohjoiskatu / Itäväylä", "Pohjoiskatu and Itäväylä",
                                  "itavayla & pohjoiskatu", "corner of Itäväylä and Pohjoiskatu",
                                  "Itäväylä ja Pohjoiskatu"])
def test_a_crossing_is_found(city, text):
    found = first(text)
    assert found.grade == "crossing"
    assert (found.lon, found.lat) == pytest.approx((24.944, 60.170), abs=1e-6)


@pytest.mark.parametrize(
    "text",
    ["高新四路与科技路交叉口", "高新四路和科技路 交叉口", "科技路/高新四路",
     "科技路与高新四路路口"],
)
def test_a_chinese_crossing_is_found(city, text):
    found = first(text)
    assert found.grade == "crossing"
    assert (found.lon, found.lat) == pytest.approx((24.944, 60.172), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "lon", "grade"),
    [("高新四路25号", 24.9450, "number"), ("高新四路二十五号", 24.9450, "number"),
     ("高新四路２５號", 24.9450, "number"),
     ("西安市雁塔区二环南路西段12号", 24.9452, "number"),
     ("佳和国小区24号楼2单元602", 24.9447, "estate"),
     ("佳和国小区", 24.9447, "estate"),
     ("钟楼", 24.9449, "building")],
)
def test_chinese_addresses_are_found(city, text, lon, grade):
    found = first(text)
    assert (found.grade, found.lon) == (grade, lon)


def test_a_place_nearby_is_not_the_place(city):
    near, there = first("钟楼附近"), first("钟楼")
    assert near.confidence < there.confidence
    assert near.note


@pytest.mark.parametrize("text", ["V1", "v1", "valve V1", "阀门V1", "H1", "P2"])
def test_the_number_on_a_plate_is_found(city, text):
    found = first(text)
    assert (found.grade, found.confidence) == ("asset", 1.0)
    assert found.asset == text[-2:].upper()


def test_coordinates_are_taken_inside_the_city_only(city):
    assert first("60.170, 24.944").grade == "coordinates"
    assert (first("24.944, 60.170").lon, first("24.944, 60.170").lat) == (24.944, 60.170)
    assert "outside" in find_places("0.5, 0.5").refused
    assert "swapped" in find_places("N24.944 E60.170").refused


NONSENSE = [
    "", "   ", "!!!", "asdfghjkl", "12345678901234", "号号号", "99999", "lorem ipsum dolor",
    "qwertyuiop 7", "'; DROP TABLE places_street; --", "🚰🚰🚰", "xxxxxxx 5", "katu", "zzzz / yyyy",
    "null", "<script>alert(1)</script>", "的的的的", "0", "the", "不知道在哪里", "a" * 5000,
    "Nowhere Boulevard 12", "%%%%", "___", "NaN, NaN", "我家楼下", "\x00\x00", "火星大道一号",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_refused_with_a_reason(city, text):
    answer = find_places(text)
    assert answer.results == ()
    assert answer.refused


def test_the_door_answers_in_the_agreed_shape(city, sign_in):
    client = sign_in("agent")
    answer = client.get("/api/places", {"q": "Pohjoiskatu 1", "near": "24.94,60.17"}).json()
    assert answer["refused"] is None
    assert {"text", "grade", "lon", "lat", "source", "confidence"} <= set(answer["results"][0])
    bad = client.get("/api/places", {"q": "Pohjoiskatu", "near": "north"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "near")
    assert client.get("/api/places").json()["refused"]
