"""A caller who cannot say where they are shows it with a link, once."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def ringing(town, cast, news):
    from server.calls import services as calls

    return calls.rang(calls.Ring("town-7", "0407777777", "", "965113", datetime.now(UTC)))


def link(news) -> str:
    from server.messaging.models import SmsMessage

    news()
    return re.search(r"/where/(\S+)", SmsMessage.objects.get(template="location_link").body)[1]


def test_the_link_shows_the_place_once_and_the_desk_hears_of_it(ringing, cast, client_of, news):
    from django.test import Client

    from server.events.models import Event

    desk = client_of(cast.aino)
    assert desk.post("/api/calls/town-7/location-link").status_code == 201
    assert desk.post("/api/calls/town-7/location-link").status_code == 409
    token, phone = link(news), Client()
    assert b'id="show"' in phone.get(f"/where/{token}").content
    here = {"lon": 24.935, "lat": 60.169, "accuracy_m": 12}
    assert phone.post(f"/api/where/{token}", here, "application/json").json() == {
        "taken": True, "rough": False,
    }  # fmt: skip
    assert phone.post(f"/api/where/{token}", here, "application/json").status_code == 409
    assert desk.get("/api/calls/town-7").json()["location"]["lon"] == 24.935
    told = Event.objects.get(name="call.located")
    assert told.topic == "calls" and told.payload["location"]["accuracy_m"] == 12


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"lon": "x", "lat": 60.1, "accuracy_m": 5}, 422, "not_a_number"),
        ({"lon": 2.35, "lat": 48.85, "accuracy_m": 5}, 422, "outside_city"),
        ({"lon": 60.169, "lat": 24.935, "accuracy_m": 5}, 422, "swapped_axes"),
        ({}, 422, "not_a_number"),
    ],
)
def test_a_position_that_cannot_be_is_refused_and_may_be_sent_again(
    ringing, cast, client_of, news, sent, status, code
):
    from django.test import Client

    client_of(cast.aino).post("/api/calls/town-7/location-link")
    token = link(news)
    answer = Client().post(f"/api/where/{token}", sent, "application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    good = {"lon": 24.935, "lat": 60.169, "accuracy_m": 9}
    assert Client().post(f"/api/where/{token}", good, "application/json").json()["rough"] is False


def test_a_rough_fix_is_an_area_and_the_telephone_may_try_again_outside(
    ringing, cast, client_of, news
):
    from django.test import Client

    client_of(cast.aino).post("/api/calls/town-7/location-link")
    token, phone = link(news), Client()

    def say(accuracy_m: float):
        here = {"lon": 24.935, "lat": 60.169, "accuracy_m": accuracy_m}
        return phone.post(f"/api/where/{token}", here, "application/json")

    assert say(900).json()["rough"] is True
    assert say(700).status_code == 409
    assert say(12).json()["rough"] is False
    assert say(5).status_code == 409
    found = client_of(cast.aino).get("/api/calls/town-7").json()["location"]
    assert (found["rough"], found["accuracy_m"], found["datum"]) == (False, 12, "wgs84")
    assert found["asked_at"]


# The bell tower of Xi'an as published: WGS 84, and what a map service makes of it.
TOWER, SHIFTED = (108.940200, 34.261000), (108.944850, 34.259409)


@pytest.mark.parametrize(
    ("told", "known", "datum", "place"),
    [
        (SHIFTED, [TOWER], "gcj02", TOWER),
        (TOWER, [TOWER], "wgs84", TOWER),
        (SHIFTED, [], "unsure", SHIFTED),
        (SHIFTED, [(108.99, 34.30)], "unsure", SHIFTED),
        ((24.935, 60.169), [], "wgs84", (24.935, 60.169)),
    ],
)
def test_a_chinese_shift_is_noticed_where_the_caller_may_be_at_home(told, known, datum, place):
    from server.calls.locating import true_place

    lon, lat, found = true_place(*told, 15.0, known)
    assert found == datum
    assert (lon, lat) == pytest.approx(place, abs=1e-5)


def test_the_page_says_nothing_of_the_caller_speaks_both_languages_and_dies(
    ringing, cast, client_of, news
):
    from unittest import mock

    from django.test import Client

    client_of(cast.aino).post("/api/calls/town-7/location-link")
    token, phone = link(news), Client()
    page = phone.get(f"/where/{token}").content.decode()
    assert "0407777777" not in page and "town-7" not in page.replace(token, "")
    assert 'type="module"' not in page and "<noscript>" in page
    chinese = phone.get(f"/where/{token}", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "您" in chinese or "位置" in chinese
    with mock.patch("time.time", return_value=datetime.now(UTC).timestamp() + 1900):
        late = phone.get(f"/where/{token}")
        assert late.status_code == 410 and b'id="show"' not in late.content
        here = {"lon": 24.935, "lat": 60.169, "accuracy_m": 12}
        assert phone.post(f"/api/where/{token}", here, "application/json").status_code == 410


def test_a_forged_link_and_a_hidden_number_are_refused(ringing, cast, client_of):
    from django.test import Client

    from server.calls import services as calls

    assert Client().post("/api/where/town-7:x:y", {}, "application/json").status_code == 410
    calls.rang(calls.Ring("town-8", "", "", "965113", datetime.now(UTC)))
    refused = client_of(cast.aino).post("/api/calls/town-8/location-link")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "hidden"
