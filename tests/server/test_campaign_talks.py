"""Talks of campaigns: what a notice brings back, what an agent writes down, what it adds up to.

    notice: Anna presses 1, Cai presses nothing     preview: Aino reads, rings by key, writes
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from server.accounts.refusals import Conflict, NotAllowed
from server.calls import dialling
from server.campaigns import previewing, running, selectors, services, speaking, wording
from server.campaigns.models import Campaign
from server.customers.models import Account, Premise
from server.tickets.models import CallBack, Ticket
from telephony.ami import events as ami
from telephony.dialplan import AFTER_CLICK
from tests.server.ringing import (
    ALWAYS,
    ANNA,
    CAI,
    TEXT,
    ago,
    over,
    started,
    taken,
    tell,
)

pytestmark = pytest.mark.django_db


# -- what a notice brings back --------------------------------------------------------------------

ASKED = [{"code": "understood", "keys": "1", "en": "Press one when you have understood."},
         {"code": "care", "keys": "12", "en": "One for yes, two for no."}]  # fmt: skip


def test_a_key_confirms_and_answers_are_kept_others_are_not(cast, asterisk):
    row = started(questions=ASKED)
    running.step()
    taken(ANNA, "1", "2")
    over(ANNA, "ANSWER", 16)
    taken(CAI, "7", "")
    over(CAI, "ANSWER", 16)
    running.step()
    anna, cai = row.targets.get(name="Anna"), row.targets.get(name="Cai")
    assert anna.confirmed_at and anna.reason == "confirmed"
    assert anna.answers == {"understood": "1", "care": "2"}
    assert (cai.state, cai.reason, cai.confirmed_at, cai.answers) == (
        "reached", "answered", None, {},
    )  # fmt: skip
    assert selectors.report(row)["answers"] == {"understood": {"1": 1}, "care": {"2": 1}}


def test_a_machine_is_not_a_person_and_is_tried_again(cast, asterisk):
    row = started(CAI, screen=True)
    running.step()
    assert "SP_SCREEN=1" in asterisk.asked[0]["Variable"]
    taken(CAI, heard="MACHINE")
    over(CAI, "ANSWER", 16)
    running.step()
    assert row.targets.get().reason == "machine" and row.targets.get().state == "waiting"


def test_each_customer_hears_their_own_language_with_their_own_values(cast, asterisk, dry):
    made = services.write({
        "name": "off", "kind": "outage", "source": {"shut_off": dry.number},
        "text": {"en": "No water at {address} since {start}.", "zh-hans": "{address}停水。"},
    }, by="sari")  # fmt: skip
    said = {t.account.premise.code: speaking.text_of(t)
            for t in made.targets.exclude(account=None)}  # fmt: skip
    assert said["anna"].startswith("No water at Church Street 21 since ")
    Account.objects.filter(premise__code="anna").update(language="zh-hans")
    target = made.targets.get(account__premise__code="anna")
    target.language = "zh-hans"
    assert speaking.text_of(target) == "Church Street 21停水。"


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [("back at 14:05", "en", "back at fourteen oh five"), ("owes 45.20", "en",
      "owes forty five point two zero"), ("owes 12.00", "en", "owes twelve"),
     ("call 0401000101", "en", "call zero four zero one zero zero zero one zero one"),
     ("14:05恢复", "zh", "十四点零五分恢复"), ("欠45.50元", "zh", "欠四十五点五零元"),
     ("99:99", "en", "nine nine nine nine")],
)  # fmt: skip
def test_digits_are_spoken_as_words(text, language, said):
    assert wording.spoken(text, language) == said


def test_every_reason_and_code_has_its_words():
    from server.campaigns import states

    assert set(wording.CODE_WORDS) == set(states.CODES)
    for word in (*wording.REASONS.values(), *wording.CODE_WORDS.values(), *wording.WHY.values()):
        assert word()


# -- preview --------------------------------------------------------------------------------------


def test_an_agent_reads_first_rings_by_key_and_writes_down_what_came_of_it(cast, asterisk):
    row = started(mode="preview")
    target = previewing.claim(row, cast.aino)
    assert target is not None and target.name == "Anna"
    record = previewing.record_of(target)
    assert record["say"] == "Hello Anna." and record["call"] is None
    assert previewing.claim(row, cast.aino).pk == target.pk  # not another one beside it
    assert previewing.claim(row, cast.sari).name == "Cai"
    assert running.step() == 0 and not asterisk.asked  # nobody is rung by itself
    previewing.ring(target, cast.aino)
    assert asterisk.asked[0]["Channel"] == "PJSIP/1001"
    attempt = taken(ANNA)
    tell(ami.Answered(attempt.call_id, "1001"))
    over(ANNA, "ANSWER", 16)
    running.step()
    done = services.code(target, cast.aino, "informed", note="will tell the neighbour")
    assert (done.state, done.code, done.note) == ("reached", "informed", "will tell the neighbour")
    assert previewing.mine(cast.aino) is None


def test_only_who_has_the_customer_calls_and_writes(cast, asterisk):
    row = started(mode="preview")
    target = previewing.claim(row, cast.aino)
    for act in (lambda: previewing.ring(target, cast.sari),
                lambda: services.code(target, cast.sari, "informed")):  # fmt: skip
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(Conflict):
        services.code(target, cast.aino, "informed")  # not called yet
    services.release(target, cast.aino)
    assert previewing.claim(row, cast.sari).name == "Cai"  # the released one stands behind


def test_call_again_later_keeps_the_gap_and_wrong_numbers_end(cast, asterisk):
    row = started(mode="preview", gap_s=3600)
    target = previewing.claim(row, cast.aino)
    previewing.ring(target, cast.aino)
    taken(ANNA)
    over(ANNA, "ANSWER", 16)
    running.settle_all()
    soon = (timezone.now() + timedelta(minutes=5)).isoformat()
    later = services.code(target, cast.aino, "later", again_at=soon)
    assert later.state == "waiting"
    assert later.next_at >= timezone.now() + timedelta(minutes=59)
    other = previewing.claim(row, cast.aino)
    assert other.name == "Cai"
    done = services.code(other, cast.aino, "do_not_call")
    assert done.state == "exhausted" and dialling.is_do_not_call(CAI)


def test_preview_asks_again_before_the_ring_too(cast, asterisk, register):
    register("enquiry", home="cai", name="Cai", phone=CAI)
    Ticket.objects.update(state="closed", closed_at=timezone.now())
    made = services.write({"name": "s", "kind": "survey", "mode": "preview", **ALWAYS}, by="sari")
    services.act(made, "start", by="sari")
    target = previewing.claim(made, cast.aino)
    Ticket.objects.update(state="reopened")
    with pytest.raises(Conflict) as refused:
        previewing.ring(target, cast.aino)
    assert refused.value.code == "reopened" and not asterisk.asked


def test_an_agent_without_a_telephone_costs_the_customer_nothing(cast, asterisk):
    row = started(CAI, mode="preview", gap_s=3600)
    target = previewing.claim(row, cast.aino)
    previewing.ring(target, cast.aino)
    tell(ami.DialNotBegun(AFTER_CLICK, CAI))
    running.step()
    record = previewing.record_of(previewing.mine(cast.aino))
    assert record["id"] == target.pk and "telephone" in record["last"]
    previewing.ring(previewing.mine(cast.aino), cast.aino)  # no gap: nobody was rung
    assert len(asterisk.asked) == 2


def test_a_call_back_that_was_made_is_owed_no_more(cast, asterisk):
    owed = CallBack.objects.create(reason="missed", phone=CAI, due_at=timezone.now())
    made = services.write({"name": "c", "kind": "callback", "mode": "preview", **ALWAYS},
                          by="sari")  # fmt: skip
    services.act(made, "start", by="sari")
    target = previewing.claim(made, cast.aino)
    previewing.ring(target, cast.aino)
    services.code(target, cast.aino, "informed")
    owed.refresh_from_db()
    assert owed.done_at is not None and owed.outcome == "reached"


# -- the report -----------------------------------------------------------------------------------


def recount(row: Campaign) -> dict[str, Any]:
    """The same figures from the tables alone, by hand-written SQL."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql, [row.pk])
            return cursor.fetchall()

    states = dict(ask("SELECT state, count(*) FROM campaigns_target WHERE campaign_id = %s "
                      "GROUP BY state"))  # fmt: skip
    reached = states.get("reached", 0)
    (could,) = ask("SELECT count(*) FROM campaigns_target WHERE campaign_id = %s AND (reason IN "
                   "('stopped', 'window_over') OR state NOT IN ('dropped', 'skipped'))")[0]
    rung = ask(
        "SELECT d.number, d.result, d.heard, d.placed_at, d.answered_at, d.ended_at "
        "FROM calls_dialattempt d JOIN campaigns_target t ON d.subject = 'target:' || t.id "
        "WHERE t.campaign_id = %s AND d.ended_at IS NOT NULL"
    )  # fmt: skip
    results: dict[str, int] = {}
    for _number, result, heard, *_times in rung:
        name = "machine" if result == "answered" and heard == "machine" else result
        results[name] = results.get(name, 0) + 1
    rings = [(a - p).total_seconds() for *_x, p, a, _e in rung if a]
    return {
        "total": sum(states.values()), "tries": len(rung), "by_result": results,
        "states": states, "share": round(reached / could, 4) if could else None,
        "ringing_s": round(sum(rings) / len(rings), 1) if rings else None,
        "confirmed": ask("SELECT count(*) FROM campaigns_target WHERE campaign_id = %s "
                         "AND confirmed_at IS NOT NULL")[0][0],
    }  # fmt: skip


def test_the_report_equals_a_recount(cast, asterisk):
    numbers = "\n".join([*(f"04012300{n:02}" for n in range(12)), ",x", "112", "0401230001"])
    row = started(numbers, channels=12, questions=ASKED, most_tries=2, gap_s=60, screen=True)
    running.step()
    endings = [("BUSY", 17), ("NOANSWER", 0), ("CHANUNAVAIL", 21), ("CONGESTION", 34)]
    for n, number in enumerate(asterisk.numbers()):
        if n % 3 == 0:
            taken(number, "1", "2", heard="MACHINE" if n == 3 else "HUMAN")
            over(number, "ANSWER", 16)
        else:
            over(number, *endings[n % 4])
    running.settle_all()
    ago(minutes=2)
    running.step()
    for number in asterisk.numbers()[12:]:
        over(number)
    running.settle_all()
    told, again = selectors.report(row), recount(row)
    assert told["total"] == again["total"] == 15
    assert told["tries"] == again["tries"] > 12
    assert told["by_result"] == dict(sorted(again["by_result"].items()))
    assert {s: n for s, n in told["by_state"].items() if n} == again["states"]
    assert sum(r["n"] for r in told["by_reason"]) == 15
    assert told["confirmed"] == again["confirmed"] == 3
    assert told["reached_share"] == again["share"]
    assert told["ringing_s"] == again["ringing_s"]


def test_a_stop_raises_no_share_and_leaves_nobody_waiting_who_was_being_called(cast, asterisk):
    row = started("\n".join(f"04012300{n:02}" for n in range(4)), channels=1)
    running.step()
    taken(asterisk.numbers()[0])
    over(asterisk.numbers()[0], "ANSWER", 16)
    running.step()
    assert selectors.report(row)["reached_share"] == 0.25
    services.act(row, "stop", by="sari")
    assert row.targets.get(state="dialling").number == asterisk.numbers()[1]
    over(asterisk.numbers()[1])
    running.step()
    told = selectors.report(row)
    assert told["reached_share"] == recount(row)["share"] == 0.25
    assert {r["reason"]: r["n"] for r in told["by_reason"]} == {"answered": 1, "stopped": 3}
    assert told["by_state"]["waiting"] == 0 and told["by_result"]["no_answer"] == 1


# -- the doors ------------------------------------------------------------------------------------


def post(client: Any, url: str, body: dict[str, Any]) -> Any:
    return client.post(url, body, content_type="application/json")


def test_a_supervisor_writes_starts_and_exports_an_agent_may_look(
    cast, asterisk, client_of: Callable[..., Any]
):
    boss, desk = client_of(cast.sari), client_of(cast.aino)
    what = {"name": "=cmd()", "kind": "list", "source": {"numbers": f"{CAI},=2+2"}, "text": TEXT,
            **ALWAYS}  # fmt: skip
    assert post(desk, "/api/campaigns", what).status_code == 403
    made = post(boss, "/api/campaigns", what).json()
    assert made["number"] == "C-" + made["number"][2:] and made["allowed"] == ["start", "stop"]
    url = f"/api/campaigns/{made['number']}"
    assert post(boss, f"{url}/actions", {"verb": "start"}).json()["state"] == "running"
    assert post(boss, f"{url}/actions", {"verb": "start"}).status_code == 409
    changed = boss.put(url, {"channels": 2}, content_type="application/json")
    assert changed.status_code == 409  # pause first
    assert desk.get(url).json()["report"]["by_state"]["waiting"] == 1
    rows = desk.get(f"{url}/targets?state=waiting").json()["results"]
    assert rows[0]["number_masked"] != CAI and "*" in rows[0]["number_masked"]
    table = boss.get(f"{url}/targets.csv").content.decode("utf-8-sig")
    assert "'=2+2" in table and ",=2+2" not in table
    assert ",'," not in table  # what is empty stays empty
    assert desk.get(f"{url}/targets.csv").status_code == 403
    assert desk.get("/api/campaigns").json()["results"][0]["counts"]["waiting"] == 1


def test_an_agent_works_a_preview_campaign_through_the_doors(cast, asterisk, client_of):
    row = started(mode="preview")
    desk = client_of(cast.aino)
    assert desk.get("/api/campaigns/mine").json() == {
        "record": None, "campaigns": [{"number": row.number, "name": "x"}],
    }  # fmt: skip
    record = post(desk, f"/api/campaigns/{row.number}/next", {}).json()["record"]
    rung = post(desk, f"/api/campaigns/targets/{record['id']}/dial", {}).json()["record"]
    assert rung["ringing"] is True
    answer = post(desk, f"/api/campaigns/targets/{record['id']}/code", {"code": "x"})
    assert answer.status_code == 422
    done = post(desk, f"/api/campaigns/targets/{record['id']}/code", {"code": "informed"})
    assert done.json()["state"] == "reached"


def test_a_premise_that_nobody_has_an_account_for_is_simply_not_on_the_list(cast, dry):
    Premise.objects.get(code="anna").accounts.update(active=False)
    made = services.write({"name": "o", "kind": "outage", "source": {"shut_off": dry.number},
                           "text": TEXT}, by="sari")  # fmt: skip
    assert not made.targets.filter(account__premise__code="anna").exists()
