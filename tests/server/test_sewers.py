"""A blocked sewer is another network: no valve is ever asked for it."""

from __future__ import annotations

import pytest

from server.accounts.refusals import Refused
from server.network import sewers
from server.outages.models import ShutOff
from server.tickets import amending, services
from server.tickets.amending import Amendment
from server.tickets.placing import Where, locate
from server.tickets.services import Registration
from tests import town

pytestmark = pytest.mark.django_db

#  Church Street, the water above, the drains below (see tests/town.py):
#
#      D x---P7---- E x---P8---- F
#      MD --SW2--> ME
#                  |SW3


def test_a_blocked_sewer_stands_on_the_sewer_and_on_no_pipe(cast, register, news):
    lon, lat = town.along("P7", 0.5)
    ticket = register("sewer", at=(lon, lat))
    news()
    incident = ticket.incident
    assert (incident.sewer, incident.pipe, incident.segment) == ("SW2", "", None)
    assert not ShutOff.objects.exists()


def test_a_premise_alone_is_enough_to_find_its_sewer(cast, register):
    incident = register("sewer", home="dora").incident
    assert incident.sewer == "SW2"


def test_a_sewer_ticket_never_joins_a_burst_in_the_same_street(cast, register):
    lon, lat = town.along("P7", 0.5)
    burst = register("burst", at=(lon, lat)).incident
    blocked = register("sewer", at=(lon, lat)).incident
    assert burst.pk != blocked.pk
    assert burst.pipe == "P7"


def test_a_sewer_ticket_that_points_at_a_main_is_refused_by_name(cast):
    with pytest.raises(Refused) as refused:
        services.register(Registration("sewer", Where(asset="P7")), by="aino")
    assert (refused.value.field, refused.value.code) == ("asset", "not_a_sewer")
    with pytest.raises(Refused) as refused:
        services.register(Registration("burst", Where(asset="SW2")), by="aino")
    assert (refused.value.field, refused.value.code) == ("asset", "not_water")


def test_the_door_answers_422_and_names_the_asset(cast, client):
    client.force_login(cast.aino)
    answer = client.post(
        "/api/tickets", {"kind": "sewer", "place": {"asset": "P7"}},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "asset"
    answer = client.post(
        "/api/tickets", {"kind": "sewer", "place": {"asset": "ME"}},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 201


def test_what_was_called_a_leak_becomes_a_blocked_sewer_and_leaves_the_pipe(cast, register, news):
    lon, lat = town.along("P7", 0.5)
    ticket = register("leak", at=(lon, lat))
    news()
    assert ShutOff.objects.exclude(state="cancelled").exists()
    amended = amending.amend(ticket, Amendment(edition=ticket.edition, kind="sewer"), by="mika")
    news()
    incident = amended.incident
    incident.refresh_from_db()
    assert (incident.kind, incident.sewer, incident.pipe) == ("sewer", "SW2", "")
    assert not ShutOff.objects.exclude(state="cancelled").exists()


def test_far_from_every_sewer_the_place_is_kept(cast):
    lon, lat = town.place("C")
    found = locate(Where(lon, lat), None, kind="sewer")
    assert found.point is not None
    assert (found.sewer, found.pipe) == ("", "")


def test_the_run_of_a_sewer_is_drawn_and_a_main_has_none(cast, client):
    client.force_login(cast.juho)
    answer = client.get("/api/sewers/SW3/run?direction=upstream").json()
    assert set(answer["sewers"]) == {"SW1", "SW2"}
    assert len(answer["geometry"]["coordinates"]) == 2
    assert client.get("/api/sewers/P7/run").status_code == 404
    assert client.get("/api/sewers/SW3/run?direction=sideways").status_code == 422
    assert sewers.run("MD", "downstream").ends == ("MI",)
