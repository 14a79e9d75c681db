"""A caller hangs up and keeps the place: rung once, in turn, whoever dies meanwhile.

    Anna waits since 12:00 ── presses 2 ──► kept ── her turn ──► rung ──► in the queue, first
    Bo waits since 12:01   ── stays ─────────────────────────────────────────► after Anna
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from server.accounts.refusals import Conflict, Refused
from server.calls import dialling, exchange, listeners, recovering, services
from server.calls.models import Call, DialAttempt
from server.calls.queueing import callbacks
from server.calls.queueing.models import KeptPlace
from server.tickets.models import CallBack
from telephony.ami import events as ami
from telephony.order import Waiter

pytestmark = pytest.mark.django_db
ANNA, BO = "0401000101", "+8613912345678"
ONE_FREE = {"faults": (1, 1)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The variables of each Originate that Asterisk was asked for."""
    rows: list[dict[str, str]] = []

    def act(name: str, *, site: str = "", **fields: Any) -> None:
        rows.append(dict(v.split("=", 1) for v in fields["Variable"]) | {
            "channel": fields["Channel"], "priority": fields["Exten"],
        })  # fmt: skip

    monkeypatch.setattr(exchange, "act", act)
    return rows


def tell(event: ami.AmiEvent) -> None:
    listeners.tell(event, timezone.now())


def leave(number: str = ANNA, call: str = "c1", *, since: datetime | None = None) -> KeptPlace:
    """Rings, waits, presses 2, is thanked and let go."""
    since = since or timezone.now() - timedelta(minutes=3)
    services.rang(services.Ring(call, number, "", "965113", since))
    services.queued(call, at=since, queue="faults", priority=0)
    tell(ami.CallBackWanted(call, "faults", 0, since.timestamp(), number))
    tell(ami.CallEnded(call, "", "", False, ""))
    return KeptPlace.objects.get(call__call_id=call)


def test_who_keeps_a_place_is_neither_missed_nor_abandoned(cast):
    place = leave()
    call = place.call
    assert (call.outcome, call.state) == ("call_back", "ended")
    assert (place.number, place.queue, place.state) == (ANNA, "faults", "waiting")
    assert not CallBack.objects.exists()
    tell(ami.CallBackWanted("c1", "faults", 0, 0, ANNA))  # told twice, for example by the file
    assert KeptPlace.objects.count() == 1


def test_it_is_rung_when_nobody_stands_before_it(cast, asked):
    place = leave()
    since = place.since.timestamp()
    assert callbacks.turn([Waiter("x", "faults", 0, since - 5)], ONE_FREE) == 0  # longer there
    assert callbacks.turn([Waiter("x", "faults", 9, since + 5)], ONE_FREE) == 0  # in danger
    assert callbacks.turn([Waiter("x", "billing", 0, since - 5)], {"faults": (0, 0)}) == 0
    later = [Waiter("x", "faults", 0, since + 5), Waiter("y", "billing", 0, since - 5)]
    assert callbacks.turn(later, ONE_FREE, hello="/p/hello") == 1
    (told,) = asked
    assert told["channel"].startswith(f"Local/{ANNA}@")
    assert (told["SP_TO_QUEUE"], told["priority"], told["SP_POSITION"]) == ("faults", "0", "1")
    assert float(told["SP_SINCE"]) == pytest.approx(since, abs=0.001)
    assert told["SP_HELLO"] == "/p/hello"
    assert callbacks.turn(later, ONE_FREE) == 0 and len(asked) == 1


def test_no_more_are_rung_at_a_time_than_agents_are_free(cast, asked):
    now = timezone.now()
    for n in range(4):
        leave(f"040100020{n}", f"c{n}", since=now - timedelta(minutes=9 - n))
    assert callbacks.turn([], {"faults": (3, 2)}) == 2
    assert callbacks.turn([], {"faults": (3, 0)}) == 0
    numbers = [row["channel"][6:16] for row in asked]
    assert numbers == ["0401000200", "0401000201"]  # those who have waited longest


def test_who_answers_is_reached_and_who_does_not_is_on_the_list_of_calls_we_owe(cast, asked):
    first, second = leave(), leave(BO, "c2")
    callbacks.turn([], {"faults": (2, 2)})
    one, two = (DialAttempt.objects.get(key=f"kept:{p.pk}") for p in (first, second))
    tell(ami.DialTaken(one.call_id, ""))
    tell(ami.DialOver(two.call_id, "NOANSWER", 19))
    callbacks.turn([], {"faults": (2, 2)})
    assert [KeptPlace.objects.get(pk=p.pk).state for p in (first, second)] == ["reached", "missed"]
    assert [(row.phone, row.reason) for row in CallBack.objects.all()] == [
        (second.number, "missed")
    ]
    callbacks.turn([], {"faults": (2, 2)})
    assert CallBack.objects.count() == 1 and len(asked) == 2


def test_killed_before_asterisk_was_asked_it_is_rung_after_the_restart_once(cast, asked):
    place = leave()
    KeptPlace.objects.filter(pk=place.pk).update(state="dialling")  # and then the process died
    callbacks.turn([], ONE_FREE)
    callbacks.turn([], ONE_FREE)
    assert len(asked) == 1


def test_killed_in_the_middle_of_the_dialling_nobody_is_rung_twice_nor_forgotten(
    cast, asked, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(name: str, *, site: str = "", **fields: Any) -> None:
        asked.append({})
        raise Killed

    place = leave()
    monkeypatch.setattr(exchange, "act", die)
    with pytest.raises(Killed):
        callbacks.turn([], ONE_FREE)
    callbacks.turn([], ONE_FREE)  # nobody knows whether it rang: it is not rung again
    assert len(asked) == 1
    dialling.end_absent(set(), began_before=timezone.now() + timedelta(seconds=1))
    callbacks.turn([], ONE_FREE)
    place.refresh_from_db()
    assert place.state == "missed" and CallBack.objects.get().phone == ANNA
    assert len(asked) == 1


def test_an_exchange_that_is_away_puts_the_caller_on_the_list(cast, monkeypatch):
    def away(name: str, *, site: str = "", **fields: Any) -> None:
        raise Refused("telephone", "exchange", "away")

    place = leave()
    monkeypatch.setattr(exchange, "act", away)
    callbacks.turn([], ONE_FREE)
    place.refresh_from_db()
    assert place.state == "missed" and CallBack.objects.count() == 1


def test_who_rings_again_and_is_answered_is_not_rung_as_well(cast, asked):
    leave()
    services.rang(services.Ring("c9", ANNA, "", "965113", timezone.now()))
    tell(ami.AgentConnected("c9", "1001", "x", 1.0, 1.0))
    assert KeptPlace.objects.get().state == "cancelled"
    assert callbacks.turn([], ONE_FREE) == 0 and asked == []


def test_a_place_is_cancelled_until_it_is_rung(cast, asked, client_of):
    place = leave()
    desk = client_of(cast.aino)
    (row,) = desk.get("/api/kept-places").json()
    assert (row["number"], row["queue"], row["state"]) == (ANNA, "faults", "waiting")
    assert desk.post(f"/api/kept-places/{place.pk}/cancel").status_code == 200
    assert desk.get("/api/kept-places").json() == []
    other = leave(BO, "c2")
    callbacks.turn([], ONE_FREE)
    with pytest.raises(Conflict):
        callbacks.cancel(other, by="sari")


def test_a_wish_of_the_time_we_were_away_is_found_in_asterisks_file(cast, settings):
    at = timezone.now() - timedelta(minutes=10)
    lines = [
        {"event": "arrived", "number": ANNA, "name": "x", "to": "965113"},
        {"event": "queued", "queue": "faults", "priority": "0", "since": f"{at.timestamp():.3f}"},
        {"event": "callback_wanted", "queue": "faults", "priority": "0",
         "since": f"{at.timestamp():.3f}", "number": ANNA},
        {"event": "ended", "number": ANNA, "status": "", "agent": "", "abandoned": "0",
         "message": "0", "fallback": ""},
    ]  # fmt: skip
    file = settings.STANDPIPE["CALL_LOG"] / "calls.jsonl"
    file.write_text("".join(
        json.dumps({"call": "sp-1.0", "at": at.isoformat(), **line}) + "\n" for line in lines
    ))  # fmt: skip
    recovering.recover_calls()
    recovering.recover_calls()
    place = KeptPlace.objects.get()
    assert (place.number, place.state, place.call.outcome) == (ANNA, "waiting", "call_back")
    assert abs((place.since - at).total_seconds()) < 0.01
    assert not CallBack.objects.exists() and Call.objects.count() == 1
