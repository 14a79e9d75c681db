"""What a caller is told before hello, what the menu looks up, and what of it is kept.

Anna and the clinic stand on P8 (see tests/town.py); the farm is two homes behind one number.
"""

from __future__ import annotations

import wave
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from server.accounts.models import AuditRow
from server.calls import enquiries, listeners, menu, services, speaking, verdict, voicemail
from server.calls.models import Call
from server.calls.switchboard import Switchboard
from server.customers import billing
from server.customers.models import Account, Meter
from server.outages import services as outages
from server.outages.models import PremiseOff, ShutOff
from server.tickets.models import CallBack, Contact, Ticket
from telephony.ami import events as asterisk
from telephony.fakes import FakeAmi, FakeAri
from telephony.flow import PathStep, Spoken
from telephony.incoming import Decision, LeftFlow

pytestmark = pytest.mark.django_db
ANNA, FARM, SCHOOL, TEA = "0401000101", "0401000109", "0401000103", "0401000104"


def ring(number: str = ANNA, call: str = "c1") -> Call:
    return services.rang(services.Ring(call, number, "", "965113", datetime.now(UTC)))


def decision(call: Call) -> Decision:
    return Switchboard(FakeAri(), FakeAmi(), None).decision(call)  # type: ignore[arg-type]


def heard(told: Spoken | Decision) -> str:
    says = told.says if isinstance(told, Spoken) else told.announce
    return " ".join(say.sentence or f"[{say.prompt}]" for say in says)


def ask(what: str, call: str = "c1", language: Any = "en", **entered: str) -> Spoken:
    return enquiries.look_up(call, what, entered, language)


def account_of(home: str) -> Account:
    return Account.objects.select_related("premise").get(premise__code=home)


def factor_of(home: str) -> str:
    serial = Meter.objects.get(premise__code=home, active=True).serial
    return "".join(c for c in serial if c.isdigit())[-4:]


# --- the verdict before hello ----------------------------------------------------------------


def test_nothing_known_is_nothing_said(cast):
    assert decision(ring()).announce == ()


def test_inside_a_shut_off_one_hears_since_when_until_when_and_who_is_there(cast, burst):
    off = ShutOff.objects.get()
    since = timezone.localtime().replace(hour=0, minute=5, second=0, microsecond=0)
    for valve in ("V8", "V6", "V11"):
        outages.valve_closed(off, valve, at=timezone.now(), by="x")
    PremiseOff.objects.filter(on_at=None).update(off_at=since)
    ShutOff.objects.filter(pk=off.pk).update(expected_back_at=since.replace(hour=23, minute=30))
    text = heard(decision(ring()))
    assert "has been off since zero oh five" in text
    assert "We expect it back by twenty three thirty." in text
    assert "crew" not in text
    off.incident.state = "on_site"
    off.incident.save()
    from server.dispatch.models import WorkOrder

    WorkOrder.objects.create(incident=off.incident, crew=cast.north, number="W-1")
    assert heard(decision(ring(call="c2"))).endswith("A crew is on site.")


def test_planned_work_to_come_is_told_as_to_come(cast):
    now = timezone.now()
    off = ShutOff.objects.create(target="P8", planned=True, state="noticed", number="A-9",
                                 notice_from=now + timedelta(hours=2),
                                 notice_to=now + timedelta(hours=4))  # fmt: skip
    PremiseOff.objects.create(shut_off=off, premise=account_of("anna").premise)
    told = decision(ring())
    assert "will be off from" in heard(told) and told.announce[0].prompt == "known-planned"


def test_neighbours_calling_is_told_as_known_and_not_as_proven(cast, register):
    register("no_water", home="clinic")
    told = decision(ring())
    assert told.announce[0].prompt == "known-nearby"
    assert "Others near you have called" in heard(told)


def test_a_probable_burst_is_told_by_a_prompt_that_needs_no_speaking(cast):
    says = speaking.says(verdict.PROBABLE_BURST, {"burst": {"calls": 7}}, "en", timezone.now())
    assert [(say.prompt, say.sentence) for say in says] == [("known-burst", "")]


def test_callers_whose_place_is_unknown_hear_of_the_trouble_that_many_call_about(cast, register):
    incident = register("no_water", home="clinic").incident
    assert decision(ring("0409999999", "c2")).announce == ()
    for n in range(speaking.MANY_CALLERS):
        Contact.objects.create(incident=incident, phone=str(n))
    told = heard(decision(ring("", "c3")))
    assert "trouble with the water around Church Street" in told
    assert "25" not in told and "twenty" not in told
    # Somebody whose place is known to be all right is not told of another part of the town.
    assert decision(ring("0401000107", "c4")).announce == ()


def test_a_chinese_customer_is_told_in_chinese(cast, register):
    register("no_water", home="tea")
    told = decision(ring(TEA))
    assert told.language == "zh" and "您附近已有用户反映" in heard(told)


def test_nothing_personal_is_said_to_a_voice_that_proved_nothing(cast, register):
    register("no_water", home="clinic", name="East Clinic")
    register("no_water", home="farm1")
    account = account_of("anna")
    for call in (ring(ANNA, "c1"), ring(FARM, "c2")):
        told = heard(decision(call))
        assert told
        for secret in (account.name, "Virtanen", account.number, "Lahti", "West Lane 7", "21",
                       "East Clinic", "Lane seven"):  # fmt: skip
            # A number alone may be the hour at which somebody called.
            assert secret not in told


def test_two_homes_behind_one_number_are_offered_by_street_and_the_choice_is_followed(
    cast, register
):
    assert decision(ring(FARM, "c0")).options == ()  # nothing known at either: no question
    register("no_water", home="farm1")
    call = ring(FARM)
    told = decision(call)
    assert [code for _key, code in told.options] == ["farm1", "farm2"] or [
        code for _key, code in told.options
    ] == ["farm2", "farm1"]
    assert call.premise is None and "For West Lane" in heard(told)
    chosen = ask("verdict", choice="farm2")
    assert chosen.result == "known"
    call.refresh_from_db()
    assert call.premise.code == "farm2" and call.account is None and call.identity == "many"
    assert ask("verdict", choice="anna").result == "nothing"


# --- bills -----------------------------------------------------------------------------------


def test_a_bill_is_told_to_who_knows_account_and_meter_and_is_the_desks_figure(cast, client_of):
    ring("")
    account = account_of("anna")
    told = ask("bill", account=account.number, factor=factor_of("anna"))
    assert told.result == "ok"
    figure = billing.statement(account)
    from telephony.notices import say_money

    owed = say_money(max(figure.balance, Decimal(0)), figure.currency, "en")
    assert (owed if figure.balance > 0 else "nothing is to be paid") in heard(told)
    call = Call.objects.get()
    assert call.verified and call.account == account and call.premise == account.premise
    assert AuditRow.objects.filter(action="call.verified", note=account.number).exists()
    # Should they want a person after all, the desk sees what they proved and where they were.
    menu.left(way(to="queue", told=("bill:ok",)))
    card = client_of(cast.aino).get("/api/calls/c1").json()
    assert card["verified"] and card["menu"]["told"] == ["bill:ok"]
    assert [step["node"] for step in card["menu"]["path"]] == ["hello", "main", "bill-account"]


def test_a_wrong_factor_and_an_unknown_account_sound_the_same(cast):
    ring("")
    account = account_of("anna")
    wrong = ask("bill", account=account.number, factor="9999")
    unknown = ask("bill", account="99999999", factor="9999")
    empty = ask("bill")
    assert wrong == unknown == empty and wrong.result == "wrong"
    for _ in range(2):
        ask("bill", account=account.number, factor="9999")
    # After three wrong ones the right one is not believed either.
    assert ask("bill", account=account.number, factor=factor_of("anna")).result == "wrong"
    assert not Call.objects.get().verified


def test_billing_away_is_said_with_no_figure_or_one_with_its_date(cast, monkeypatch):
    ring()
    account = account_of("anna")
    old = billing.statement(account)

    def away(cached: Any) -> Any:
        def down(*_: Any, **__: Any) -> Any:
            raise billing.BillingDown(cached)

        return down

    monkeypatch.setattr(billing, "statement", away(None))
    told = ask("bill", account=account.number, factor=factor_of("anna"))
    assert told.result == "down" and heard(told) == "[lookup-down]"
    monkeypatch.setattr(billing, "statement", away(old))
    told = ask("bill", language="zh", account=account.number, factor=factor_of("anna"))
    assert told.result == "down" and heard(told).startswith("暂时无法查询最新数据。截至")
    offered = ask("bill_ticket")
    assert offered.result == "ok" and "We will call you by" in heard(offered)
    owed = CallBack.objects.get()
    assert owed.reason == "asked" and owed.ticket.kind == "enquiry"
    assert owed.due_at > timezone.now() + timedelta(hours=3)
    assert owed.ticket.account == account  # verified, so the ticket may stand on the account


# --- water off, tickets, call-backs ----------------------------------------------------------


def test_an_outage_is_told_for_the_callers_place_or_the_one_they_name(cast, register):
    ring("0401000107")  # Dora, on P7
    assert ask("outage").result == "nothing"
    register("no_water", home="clinic")
    told = ask("outage", account=account_of("anna").number)
    assert told.result == "known" and "Others near you" in heard(told)
    assert Call.objects.get().account.premise.code == "dora"  # whose account it is stays
    ring("", "c2")
    assert ask("outage", "c2").result == "unknown"
    assert ask("outage", "c2", account="12345").result == "unknown"
    ring(FARM, "c3")
    assert len(ask("outage", "c3").options) == 2
    assert ask("outage", "c3", choice="farm1").result == "nothing"


def test_a_ticket_is_told_to_who_knows_the_number_it_was_given(cast, burst):
    ticket = Ticket.objects.get()
    ring("")
    told = ask("ticket", ticket=ticket.number[2:], ticket_factor=ticket.customer_phone[-4:])
    assert told.result == "ok" and "waits for a crew" in heard(told)
    assert "Virtanen" not in heard(told) and "Church" not in heard(told)
    by_meter = ask("ticket", ticket=str(ticket.pk), ticket_factor=factor_of("anna"))
    assert by_meter.result == "ok"
    assert ask("ticket", ticket="99999", ticket_factor="1234").result == "wrong"
    for _ in range(3):
        assert ask("ticket", ticket=str(ticket.pk), ticket_factor="9999").result == "wrong"
    locked = ask("ticket", ticket=str(ticket.pk), ticket_factor=ticket.customer_phone[-4:])
    assert locked.result == "wrong"


def test_a_call_back_has_a_due_time_and_is_owed_once(cast):
    ring()
    told = ask("callback")
    assert told.result == "ok" and "We will call you by" in heard(told)
    ring(ANNA, "c2")
    assert ask("callback", "c2").result == "ok"
    assert CallBack.objects.get().phone == Call.objects.get(call_id="c1").phone


@pytest.mark.parametrize("number", ["123", "112", "00442071234567", "000", "9" * 19])
def test_a_number_that_is_no_customers_is_not_called_back(cast, number):
    ring("")
    assert ask("callback", callback=number).result == "refused"
    assert ask("callback").result == "refused"
    assert not CallBack.objects.exists()


# --- what is kept ----------------------------------------------------------------------------


def way(call: str = "c1", to: Any = "gone", told: tuple[str, ...] = ()) -> LeftFlow:
    steps = (PathStep(0.0, "hello"), PathStep(3.2, "main"), PathStep(5.0, "bill-account", "2"))
    return LeftFlow(call, to, 0, "2", False, steps, told, 3)


@pytest.mark.parametrize("end_first", [True, False])
@pytest.mark.parametrize(
    ("told", "outcome", "owed"),
    [((), "ivr", 1), (("bill:ok",), "served", 0), (("verdict:known",), "informed", 0),
     (("bill:down",), "ivr", 1)],
)  # fmt: skip
def test_hanging_up_in_the_menu_is_counted_by_what_was_told_whichever_news_comes_first(
    cast, told, outcome, owed, end_first
):
    ring("0409999999")
    menu.entered("c1")
    steps = [lambda: services.ended("c1", at=timezone.now()), lambda: menu.left(way(told=told))]
    for step in steps if end_first else reversed(steps):
        step()
    call = Call.objects.get()
    assert call.outcome == outcome
    assert CallBack.objects.filter(reason="missed").count() == owed
    assert call.path[2] == {"at": 5.0, "node": "bill-account", "key": "2"}
    assert call.menu == {"version": 3, "to": "gone", "told": list(told), "late": False}


def test_hanging_up_in_the_queue_is_no_hanging_up_in_the_menu(cast):
    ring()
    menu.entered("c1")
    menu.left(way(to="queue"))
    services.queued("c1", at=timezone.now())
    services.ended("c1", at=timezone.now())
    assert Call.objects.get().outcome == "abandoned"


# --- voice mail ------------------------------------------------------------------------------


def message(seconds: float, voice: float, call: str = "c1") -> str:
    """A message of so many seconds, the first `voice` of them loud."""
    path = Path(settings.STANDPIPE["RECORDINGS"]) / f"{call}-message.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        loud = int(8000 * voice)
        out.writeframes(b"\x10\x20" * loud + b"\x05\x00" * (int(8000 * seconds) - loud))
    return str(path)


def hang_up(*events: Any) -> None:
    for event in (*events, over("TIMEOUT", bool(events))):
        listeners.tell(event, timezone.now())


def over(status: str, message_left: bool = False) -> asterisk.CallEnded:
    return asterisk.CallEnded("c1", status, "", message_left, "")


@pytest.mark.parametrize(
    ("seconds", "voice", "outcome", "reason", "channel"),
    [(34.0, 30.0, "message", "message", "message"), (1.2, 1.2, "abandoned", "missed", "phone"),
     (10.0, 0.0, "abandoned", "missed", "phone"), (180.0, 170.0, "message", "message", "message"),
     (None, None, "abandoned", "missed", "phone")],
)  # fmt: skip
def test_who_is_asked_for_a_message_gets_a_ticket_and_a_call_words_or_no_words(
    cast, client_of, seconds, voice, outcome, reason, channel
):
    ring()
    services.queued("c1", at=timezone.now())
    left = [] if seconds is None else [asterisk.MessageLeft("c1", message(seconds, voice))]
    hang_up(*left)
    hang_up(*left)  # told twice, owed once
    call, owed = Call.objects.get(), CallBack.objects.get()
    assert (call.outcome, owed.reason) == (outcome, reason)
    assert owed.ticket == Ticket.objects.get() and owed.ticket.kind == "enquiry"
    assert owed.ticket.contact.channel == channel and owed.due_at > timezone.now()
    # The number alone proves nothing: the ticket stands on no account.
    assert owed.ticket.account is None and owed.phone == call.phone
    [row] = client_of(cast.aino).get("/api/call-backs").json()
    assert row["call"] == "c1" and row["ticket"] == owed.ticket.number and row["due_at"]
    if outcome == "message":
        sound = client_of(cast.aino).get("/api/calls/c1/recording?reason=call back")
        assert sound.status_code == 200 and sound["Content-Type"] == "audio/wav"


def test_a_hidden_caller_without_words_is_a_ticket_nobody_can_call(cast):
    ring("")
    services.queued("c1", at=timezone.now())
    hang_up()
    assert Ticket.objects.count() == 1 and not CallBack.objects.exists()


def test_a_caller_an_agent_talked_with_is_owed_no_message(cast):
    ring()
    services.answered("c1", "1001", at=timezone.now())
    listeners.tell(over("CONTINUE"), timezone.now())
    assert not Ticket.objects.exists()


def test_no_room_is_told_by_taking_the_dialplans_file_away(cast, tmp_path, monkeypatch):
    assert voicemail.keep_room(tmp_path) and (tmp_path / ".room").exists()
    monkeypatch.setattr(voicemail, "LEAST_ROOM_BYTES", 10**18)
    assert not voicemail.keep_room(tmp_path) and not (tmp_path / ".room").exists()
    assert not voicemail.keep_room(tmp_path / "unmounted")


def test_a_call_nobody_knows_is_no_error(cast):
    menu.left(way("never"))
    menu.entered("never")
    with pytest.raises(Call.DoesNotExist):
        ask("bill", "never")
