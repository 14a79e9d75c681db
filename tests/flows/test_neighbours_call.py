"""Neighbours call one after another, and nobody says "burst": the calls themselves do.

    R ====P1==== A x---P2---- B x---P3---- C
                 x            x            x V6
                 P4           P5           P6   茶馆
                 |            |            |
                 D x---P7---- E x---P8-*-- F        * open under the frost; nobody has seen it
                 x            x   V8       x V11
                 P9           P10          P11  Harbour School
                 |            |            |
                 G ----P12--- H            I
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

pytestmark = pytest.mark.django_db
NUMBERS = {"anna": "0401000101", "clinic": "0401000102", "school": "0401000103",
           "tea": "0401000104"}  # fmt: skip


def test_the_third_caller_makes_it_probable_and_one_key_makes_it_one_incident(
    town, cast, broker, news, client_of
):
    from server.bursts.models import Alert
    from server.calls import services as calls
    from server.ledger.models import SupplyFact
    from server.outages import services as outages
    from server.outages.models import ShutOff
    from server.tickets.models import Incident, Ticket

    desk, control = client_of(cast.aino), client_of(cast.mika)

    def rings(home: str) -> dict:
        """The verdict while it rings."""
        calls.rang(calls.Ring(f"c-{home}", NUMBERS[home], "", "965113", timezone.now()))
        return desk.get(f"/api/calls/c-{home}").json()["verdict"]

    def says_no_water(home: str) -> None:
        what = {"kind": "no_water", "place": {"premise": home}}
        answer = desk.post(f"/api/calls/c-{home}/register", what, "application/json")
        assert answer.status_code == 201
        news()

    # 1. Anna, then the clinic beside her: two tickets of one segment, and nobody is alarmed.
    assert rings("anna")["code"] == "nothing_known"
    says_no_water("anna")
    assert rings("clinic")["code"] == "same_segment"
    says_no_water("clinic")
    assert control.get("/api/bursts").json() == {"bursts": []}

    # 2. The school round the corner is behind another valve: for the verdict it is alone.
    assert rings("school")["code"] == "nothing_known"
    says_no_water("school")
    assert Incident.objects.count() == 2

    # 3. Three premises within 300 m of main and an hour: the dispatcher's list has it on top.
    (line,) = control.get("/api/bursts").json()["bursts"]
    assert (line["calls"], line["address"], line["pipe"]) == (3, "Church Street", "P8")
    whole = control.get(f"/api/bursts/{line['id']}").json()
    assert whole["plan"]["target"] == "P8"
    assert "3 of 3 callers would lose water with it" in [
        r["text"] for r in whole["candidates"][0]["reasons"]
    ]

    # 4. The tea house rings before anybody has decided: the desk knows what is suspected.
    heard = rings("tea")
    assert line["number"] in heard["text"] and "not confirmed yet" in heard["text"]

    # 5. One key: one incident on P8, the tickets join it, its plan is drawn, P1.
    answer = control.post(f"/api/bursts/{line['id']}/confirm", {"pipe": "P8"}, "application/json")
    assert answer.status_code == 201
    news()
    incident = Incident.objects.exclude(state="closed").get()
    assert (incident.kind, incident.pipe, incident.priority) == ("burst", "P8", "P1")
    assert set(Ticket.objects.values_list("incident", flat=True)) == {incident.pk}
    assert incident.customers_off >= 3

    # 6. The valves are turned. Who rings now stands in the shut-off, and says that it is so.
    shut_off = ShutOff.objects.get(incident=incident)
    for task in shut_off.valves.exclude(state="dropped"):
        outages.valve_closed(
            shut_off, task.asset, at=timezone.now() - timedelta(minutes=1), by="north"
        )
    says_no_water("tea")
    ticket = Ticket.objects.get(premise__code="tea")
    assert ticket.incident_id == incident.pk
    assert ticket.history.filter(action="confirms", note=shut_off.number).exists()
    assert SupplyFact.objects.filter(
        premise__code="tea", basis="confirmed", shut_off=shut_off.number
    ).exists()
    assert Alert.objects.count() == 1 and Incident.objects.exclude(state="closed").count() == 1
