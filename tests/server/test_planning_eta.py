"""When the crew will be there: on the board, at the desk, and behind the customer's link.

R ==== A ---- B ---- C      Crew North drives from A to Anna, between E and F in Church Street;
       |      |      |      a block takes 22 s
       D ---- E -x-- F
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from server.dispatch import eta, services
from server.dispatch.models import WorkOrder
from server.dispatch.services import Step
from server.dispatch.states import Who
from server.events.models import Event
from server.messaging.models import SmsMessage
from server.workforce.models import CrewPosition
from tests import town

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_asked_before():
    cache.clear()
    eta._smooth.clear()
    eta._looked_at = None


@pytest.fixture
def order(burst, cast):
    return services.assign(burst, cast.north, by="mika", reason="x")


def act(order: WorkOrder, *actions: str, who: Who = Who.CREW, **more: Any) -> WorkOrder:
    for action in actions:
        step = Step(action, timezone.now(), **more)
        order = services.act(order, step, who=who, by="x", crew=order.crew)
    return order


def stands(crew: Any, at: tuple[float, float], when: Any = None) -> None:
    moment = when or timezone.now()
    CrewPosition.objects.update_or_create(
        crew=crew,
        defaults={
            "fix_time": moment, "device_time": moment, "received_at": moment,
            "geom": Point(*at, srid=4326),
        },
    )  # fmt: skip


def follow(minutes: float) -> int:
    return eta.sweep(timezone.now() + timedelta(minutes=minutes))


# -- live -----------------------------------------------------------------------------------------


def test_the_time_follows_a_crew_that_does_not_get_on(order, cast, news, broker):
    act(order, "accept", "depart")
    news()
    version = broker.retained[cast.north.device].version
    for minute in (1, 2, 3, 4, 5):  # five minutes in the same jam
        stands(cast.north, town.place("A"), timezone.now() + timedelta(minutes=minute))
        follow(minute)
    order.refresh_from_db()
    late = (order.eta_at - timezone.now()).total_seconds()
    assert 3 * 60 <= late <= 6 * 60, "smoothed: it lags behind by a minute or two"
    told = [e.payload for e in Event.objects.filter(name="order.changed")
            if e.payload["action"] == "eta"]  # fmt: skip
    assert 1 <= len(told) <= 4, "said when it is news, not at every fix"
    assert told[-1]["eta_at"] == order.eta_at.isoformat()
    news()
    assert broker.retained[cast.north.device].version == version, "the crew knows how late it is"


def test_a_jump_is_shown_at_once_and_a_tremble_not_at_all(order, cast):
    act(order, "accept", "depart")
    first = WorkOrder.objects.get().eta_at
    stands(cast.north, town.along("P2", 0.2))
    assert follow(0) == 0
    assert WorkOrder.objects.get().eta_at == first
    stands(cast.north, town.place("A"), timezone.now() + timedelta(minutes=20))
    assert follow(20) == 1
    assert WorkOrder.objects.get().eta_at > first + timedelta(minutes=18)


def test_an_old_fix_says_nothing_of_now(order, cast):
    act(order, "accept", "depart")
    stands(cast.north, town.place("A"), timezone.now())
    assert follow(10) == 0, "ten minutes old: it may be there by now"


def test_who_has_not_set_out_is_no_earlier_for_standing_near(order, cast):
    stands(cast.north, town.along("P8", 0.2))
    before = order.eta_at
    assert follow(0) == 0
    assert WorkOrder.objects.get().eta_at == before


# -- what customers are told ----------------------------------------------------------------------


def texts(template: str) -> list[SmsMessage]:
    return list(SmsMessage.objects.filter(template=template))


def test_the_text_at_departure_has_a_link_and_another_comes_only_after_a_quarter_of_an_hour(
    order, cast, news
):
    act(order, "accept", "depart")
    news()
    (sent,) = texts("crew_sent_link")
    order.refresh_from_db()
    assert f"/eta/{order.eta_token}" in sent.body and len(order.eta_token) >= 16
    stands(cast.north, town.place("A"), timezone.now() + timedelta(minutes=8))
    follow(8)
    news()
    assert not texts("crew_later"), "eight minutes are no reason to ring a telephone"
    stands(cast.north, town.place("A"), timezone.now() + timedelta(minutes=20))
    follow(20)
    news()
    assert len(texts("crew_later")) == 1
    stands(cast.north, town.place("A"), timezone.now() + timedelta(minutes=24))
    follow(24)
    news()
    assert len(texts("crew_later")) == 1


def test_a_utility_that_wants_no_links_sends_none(order, news, settings):
    plan = {**settings.STANDPIPE["PLAN"], "eta_link": False}
    settings.STANDPIPE = {**settings.STANDPIPE, "PLAN": plan}
    act(order, "accept", "depart")
    news()
    assert len(texts("crew_sent")) == 1 and not texts("crew_sent_link")


# -- the page -------------------------------------------------------------------------------------


def look(token: str | None, language: str = "en") -> Any:
    return Client(headers={"Accept-Language": language}).get(f"/eta/{token}")


def token_of(order: WorkOrder) -> str:
    eta.link_of(order)
    return WorkOrder.objects.get(pk=order.pk).eta_token or ""


def test_the_crew_is_on_the_map_only_while_it_drives(order, cast):
    token = token_of(order)
    stands(cast.north, town.place("A"))
    sent = look(token)
    assert sent.status_code == 200 and b"eta-map" not in sent.content
    act(order, "accept")
    assert b"eta-map" not in look(token).content
    act(order, "depart")
    assert b"eta-map" in look(token).content
    act(order, "arrive")
    there = look(token)
    assert there.status_code == 410 and b"eta-map" not in there.content


@pytest.mark.parametrize("ending", ["recall", "arrive", "decline", "eight hours", "never was"])
def test_a_link_that_is_over_says_nothing_whatever_ended_it(order, cast, ending):
    token = token_of(order)
    act(order, "accept")
    if ending == "eight hours":
        WorkOrder.objects.update(dispatched_at=timezone.now() - timedelta(hours=8, minutes=1))
    elif ending == "never was":
        token = "A" * 16
    elif ending == "recall":
        act(order, "recall", who=Who.DISPATCHER, reason="x")
    elif ending == "decline":
        act(order, "decline", reason="x")
    else:
        act(order, "depart", "arrive")
    answer = look(token)
    assert answer.status_code == 410
    assert said(answer, token) == said(look("B" * 16), "B" * 16)


def said(answer: Any, token: str) -> str:
    """The page without the key in its address and the key of its form."""
    page = answer.content.decode().replace(token, "")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_nothing_personal_stands_on_the_page_and_nobody_is_located_to_the_metre(order, cast):
    token = token_of(order)
    act(order, "accept", "depart")
    stands(cast.north, town.along("P2", 0.31))
    answer = look(token)
    page = answer.content.decode()
    for word in ("Anna", "Church", "0401000101", "North", order.number, order.incident.number):
        assert word not in page
    lon, lat = town.along("P2", 0.31)
    assert f"{lon:.3f}" not in page and f"{lat:.3f}" not in page
    assert answer["Referrer-Policy"] == "no-referrer" and answer["X-Robots-Tag"] == "noindex"
    assert "no-store" in answer["Cache-Control"]


def test_two_crews_in_one_square_cannot_be_told_apart():
    from server.portal.eta import GRID_M, M_PER_DEGREE, coarse

    here = coarse(24.93, 60.17)
    assert coarse(*here) == here
    step = GRID_M / M_PER_DEGREE
    seen = {coarse(24.93 + dx * step / 10, 60.17 + dy * step / 10)
            for dx in range(10) for dy in range(10)}  # fmt: skip
    assert len(seen) <= 4


def test_the_page_speaks_both_languages_and_works_without_a_script(order, cast):
    token = token_of(order)
    act(order, "accept", "depart")
    stands(cast.north, town.place("A"))
    page = look(token, "zh-hans").content.decode()
    assert "班组" in page or "抢修人员" in page
    assert '<meta http-equiv="refresh"' in page and "分钟" in page


def test_who_asks_too_often_is_told_to_wait(order):
    token = token_of(order)
    assert [look(token).status_code for _ in range(31)][-1] == 429


def test_an_off_shift_crew_is_not_shown(order, cast):
    from server.workforce.models import Shift

    token = token_of(order)
    act(order, "accept", "depart")
    stands(cast.north, town.place("A"))
    Shift.objects.update(ends=timezone.now() - timedelta(minutes=1))
    assert b"eta-map" not in look(token).content
