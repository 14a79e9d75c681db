"""The whole story of a burst main, from the first ring to the closed ticket.

    R ====P1==== A x---P2---- B x---P3---- C
                 x            x            x V6  (will not turn)
                 P4           P5           P6   茶馆
                 |            |            |
                 D x---P7---- E x---P8-*-- F        * the burst: Anna and the clinic are on P8
                 x            x   V8       x V11
                 P9           P10          P11  Harbour School
                 |            |            |
                 G ----P12--- H            I
"""

from __future__ import annotations

import json
import uuid
import wave
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytestmark = pytest.mark.django_db


def report(crew, order, action, **more):
    """What the crew's phone sends; returns the server's answer to it."""
    from mqtt.fakes import deliver
    from mqtt.messages import Report
    from server.dispatch.intake import Intake

    message = Report(
        id=str(uuid.uuid4()), seq=1, order=order.number, action=action, at=datetime.now(UTC), **more
    )
    answers = deliver(Intake().handle, crew.device, [message])
    return answers[crew.device].acks[0]


def texts(template: str) -> dict[str, str]:
    from server.messaging.models import SmsMessage

    return {m.to: m.body for m in SmsMessage.objects.filter(template=template)}


def test_a_burst_main_from_the_first_ring_to_the_closed_ticket(
    town, cast, broker, news, client_of, settings
):
    from server.accounts.models import AuditRow
    from server.calls import services as calls
    from server.calls.models import Call
    from server.dispatch.models import WorkOrder
    from server.outages import selectors as outages
    from server.outages.models import PremiseOff, ShutOff
    from server.service_level.models import Clock
    from server.tickets.models import Incident, Ticket

    desk, control = client_of(cast.aino), client_of(cast.mika)
    started = datetime.now(UTC)

    # 1-3. Anna rings; before anybody says hello we know her house, her pipe and that nothing is up.
    calls.rang(calls.Ring("town-1", "040 1000101", "Anna", "965113", started))
    card = desk.get("/api/calls/town-1").json()
    assert card["identity"] == "one"
    assert card["customer"]["name"] == "Anna Virtanen"
    assert card["place"]["pipe"] == "P8"
    assert card["verdict"]["code"] == "nothing_known"
    assert card["nearest_crew"]["name"] in ("Crew North", "Crew South", "Crew Meter")

    # 4-5. She waits, Aino answers, the call is recorded.
    calls.queued("town-1", at=started + timedelta(seconds=1))
    calls.offered("town-1", "1001")
    calls.answered("town-1", "1001", at=started + timedelta(seconds=4))
    assert Call.objects.get().agent == cast.aino

    # 6-7. What is typed is kept as a draft; one key registers it.
    draft = {"kind": "burst", "note": "Water shoots out of the road"}
    desk.put("/api/calls/town-1/draft", draft, content_type="application/json")
    assert desk.get("/api/calls/town-1").json()["draft"] == draft
    answer = desk.post(
        "/api/calls/town-1/register",
        {**draft, "symptoms": {"flooding": True}, "key": "k1"},
        content_type="application/json",
    )
    assert answer.status_code == 201
    number = answer.json()["ticket"]
    again = desk.post(
        "/api/calls/town-1/register",
        {**draft, "symptoms": {"flooding": True}, "key": "k1"},
        content_type="application/json",
    )
    assert again.json() == answer.json()
    assert Ticket.objects.count() == 1
    news()
    incident = Incident.objects.get()
    assert (incident.priority, incident.pipe) == ("P1", "P8")

    # 8. The plan: three valves, four premises dry, the dialysis clinic first.
    detail = control.get(f"/api/incidents/{incident.pk}").json()
    plan = detail["plan"]
    assert {v["id"] for v in plan["valves"]} == {"V6", "V8", "V11"}
    off = set(ShutOff.objects.get().plan["premises"])
    assert off == {"anna", "clinic", "tea", "school"}
    assert plan["customers_off"] == 4
    assert plan["priority_customers"][0]["class"] == "dialysis"
    assert detail["customers_off"] == 4

    # 15 (early). Sari, on duty, knows as the call ends; Anna has her number.
    assert number in texts("responsible")["0401000002"]
    assert number in texts("registered")["0401000101"]

    # 9. Every crew is in the list with its reasons; the impossible ones apart, with why.
    ranking = control.get(f"/api/incidents/{incident.pk}/crews").json()
    names = [row["crew"]["name"] for row in ranking["ranked"]]
    assert names == ["Crew South", "Crew North"] or names == ["Crew North", "Crew South"]
    why = {
        r["crew"]["name"]: {x["code"] for x in r["reasons"] if x["hard"]}
        for r in ranking["excluded"]
    }
    assert "skill_missing" in why["Crew Meter"]
    assert "off_shift" in why["Crew Night"]

    # 10. Mika sends the first; the same crew cannot be sent twice.
    first = ranking["ranked"][0]["crew"]["id"]
    sent = control.post(
        f"/api/incidents/{incident.pk}/assign", {"crew": first, "key": "a1"},
        content_type="application/json",
    )  # fmt: skip
    assert sent.status_code == 201, sent.content
    order = WorkOrder.objects.get()
    twice = control.post(
        f"/api/incidents/{incident.pk}/assign", {"crew": first, "key": "a2", "reason": "both"},
        content_type="application/json",
    )  # fmt: skip
    assert twice.status_code == 409
    assert twice.json()["errors"][0]["code"] == "crew_taken"
    assert twice.json()["holder"] == order.number

    # 11-12. The crew's whole list goes out, with valves, route and the one next step.
    news()
    crew = order.crew
    listed = broker.retained[crew.device].orders[0]
    assert listed.number == order.number
    assert listed.next[0] == "accept"
    assert {v.id for v in listed.valves} == {"V6", "V8", "V11"}
    assert listed.route is not None and listed.route.seconds > 0

    # 13. Accept, drive, arrive.
    assert report(crew, order, "accept").ok
    assert report(crew, order, "depart").ok
    news()
    assert number in texts("crew_sent_link")["0401000101"]
    assert report(crew, order, "arrive").ok
    assert report(crew, order, "close_valve", valve="V8", turns=24).ok
    news()
    assert set(texts("water_off")) == {"0401000101", "0401000102", "0401000103", "0401000104"}

    # V6 will not turn: the plan goes round it, and only those newly inside are told.
    assert report(crew, order, "cannot_close_valve", valve="V6", reason="seized").ok
    news()
    assert set(ShutOff.objects.get().plan["premises"]) == off | {"bo"}
    newly = set(texts("water_off")) - {"0401000101", "0401000102", "0401000103", "0401000104"}
    assert len(newly) == 1 and "抢修" in texts("water_off")[newly.pop()]
    valves = {v.id: v.state for v in broker.retained[crew.device].orders[0].valves}
    assert valves["V3"] == "open" and valves["V6"] == "cannot_close"

    assert report(crew, order, "close_valve", valve="V11").ok
    order.refresh_from_db()
    assert order.state == "isolating"
    assert report(crew, order, "close_valve", valve="V3").ok
    order.refresh_from_db()
    assert order.state == "isolated"
    assert PremiseOff.objects.filter(off_at__isnull=False, on_at=None).count() == 5

    # A neighbour who rings now hears what is known, without anybody typing.
    calls.rang(calls.Ring("town-2", "0401000103", "", "965113", datetime.now(UTC)))
    told = desk.get("/api/calls/town-2").json()["verdict"]
    assert told["code"] == "inside_shutoff"
    assert ShutOff.objects.get().number in told["text"] and crew.name in told["text"]

    # Repair. Water cannot be reported back while a valve it closed is not accounted for.
    assert report(crew, order, "repaired", note="clamp").ok
    no = report(crew, order, "restored")
    assert not no.ok and no.error.code == "valves_closed"
    for valve in ("V3", "V11", "V8"):
        assert report(crew, order, "open_valve", valve=valve).ok
    assert report(crew, order, "restored").ok
    assert report(crew, order, "complete").ok
    news()

    # 14. The clocks ran and were kept.
    clocks = dict(Clock.objects.filter(incident=incident).values_list("kind", "state"))
    assert clocks == {"dispatch": "met", "arrival": "met", "stop_water": "met", "repair": "met"}

    # 15-16. Everybody told of the cut hears that the water is back; the ledger is closed.
    assert len(texts("water_back")) == 5
    # Anna's name her ticket and stand with it; her neighbours', who did not call, the shut-off.
    back = texts("water_back")
    assert number in back["0401000101"] and "A-" in back["0401000103"]
    shown = [m["body"] for m in desk.get(f"/api/tickets/{number}").json()["messages"]]
    mine = ("responsible", "registered", "crew_sent_link", "water_off", "water_back")
    assert set(shown) == {
        texts(t)["0401000002" if t == "responsible" else "0401000101"] for t in mine
    }
    assert not PremiseOff.objects.filter(off_at__isnull=False, on_at=None).exists()
    minutes = outages.customer_minutes(started - timedelta(hours=1), datetime.now(UTC))
    # The dialysis clinic has a tank of its own: it was never without water.
    dry = PremiseOff.objects.exclude(premise__code="clinic")
    spans = [(p.on_at - p.off_at).total_seconds() / 60 for p in dry]
    assert minutes == pytest.approx(sum(spans), abs=1e-6)

    # The recording plays from the ticket, and playing it is written down.
    _tone(settings.STANDPIPE["RECORDINGS"] / "town-1.wav")
    calls.ended("town-1", at=datetime.now(UTC))
    calls.recorded("town-1", str(settings.STANDPIPE["RECORDINGS"] / "town-1.wav"))
    sound = desk.get("/api/calls/town-1/recording?reason=check")
    assert sound.status_code == 200 and sound["Content-Type"] == "audio/wav"
    part = desk.get("/api/calls/town-1/recording?reason=check", headers={"Range": "bytes=0-43"})
    assert part.status_code == 206 and len(b"".join(part.streaming_content)) == 44

    # 17. The customer is called; whoever settled it cannot close it; the centre does.
    ticket = Ticket.objects.get(number=number)
    assert ticket.state == "call_back"
    calls.call_back_done(ticket.callbacks.get(reason="water_back"), "reached", by="aino")
    closed = desk.post(
        f"/api/tickets/{number}/actions", {"action": "close"}, content_type="application/json"
    )
    assert closed.status_code == 200 and closed.json()["state"] == "closed"
    actions = [row["action"] for row in closed.json()["audit"]]
    assert actions[0] == "ticket.register" and actions[-1] == "ticket.close"
    assert AuditRow.objects.filter(action="recording.play", by="aino").exists()


def _tone(path):
    samples = (np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000) * 12000).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(samples.tobytes())


def test_json_of_the_town_is_json(town, cast, client_of):
    """The open incidents of a quiet town are an empty GeoJSON collection, not an error."""
    found = client_of(cast.mika).get("/api/incidents")
    assert json.loads(found.content) == {"type": "FeatureCollection", "features": []}
