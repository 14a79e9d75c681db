"""SMS, e-mail and web messages offered to agents by the skills of the queues.

    gateway ── /api/inbound ──┐
    page "write to us" ───────┴──► waiting ──► offered to Aino ──► in hand ──► answered by text
                                      ▲              │ talks, full, lets it pass
                                      └──────────────┘
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.refusals import Conflict
from server.calls import agents
from server.calls.models import AgentState
from server.calls.queueing import items
from server.calls.queueing.models import AgentProfile, AgentSkill, Queue, WorkItem
from server.calls.queueing.offering import FREE, PASSED_S, TALKING, Item, Writer, offers
from server.messaging.models import SmsMessage

pytestmark = pytest.mark.django_db
ANNA = "0401000101"


def write(ref: str = "1", kind: str = "sms", sender: str = ANNA, **more: str) -> WorkItem:
    return items.receive(kind, ref=ref, sender=sender, body="My water is brown", **more)


def ready(*users) -> None:
    for user in users:
        agents.set_state(user, AgentState.State.READY)


def offered() -> dict[str, str]:
    rows = WorkItem.objects.filter(state="offered").select_related("agent")
    return {row.ref: row.agent.username for row in rows}


def test_something_written_is_taken_in_once_and_known_by_its_number(cast):
    item = write()
    assert write().pk == item.pk and WorkItem.objects.count() == 1
    assert item.account is not None and (item.queue, item.state) == ("faults", "waiting")
    assert write("2", "email", "anna@example.org").account is None


def test_it_is_offered_by_skill_to_who_has_least_in_hand(cast):
    Queue.objects.create(code="billing", name="Billing", skill="billing")
    AgentSkill.objects.create(user=cast.sari, skill="billing", level=3)
    AgentSkill.objects.create(user=cast.aino, skill="faults", level=2)
    ready(cast.aino, cast.sari)
    for ref, skill in (("1", ""), ("2", ""), ("3", "billing")):
        write(ref, skill=skill)
    assert items.sweep() == 3
    assert offered() == {"sms:1": "aino", "sms:2": "aino", "sms:3": "sari"}


def test_who_talks_is_offered_nothing_to_read_unless_that_was_allowed(cast):
    agents.set_state(cast.aino, AgentState.State.TALKING)
    write()
    assert items.sweep() == 0
    AgentProfile.objects.create(user=cast.aino, text_while_talking=True)
    assert items.sweep() == 1


@pytest.mark.parametrize("state", ["paused", "ringing", "signed_out"])
def test_who_has_a_break_a_ringing_telephone_or_gone_home_is_offered_nothing(cast, state):
    AgentProfile.objects.create(user=cast.aino, text_while_talking=True)
    agents.set_state(cast.aino, state)
    write()
    assert items.sweep() == 0


def test_nobody_gets_more_than_their_limit(cast):
    AgentProfile.objects.create(user=cast.aino, text_limit=2)
    ready(cast.aino)
    for n in range(4):
        write(str(n))
    assert items.sweep() == 2 and items.sweep() == 0
    first = WorkItem.objects.filter(state="offered").first()
    items.take(first.pk, by=cast.aino)
    items.finish(first.pk, {"outcome": "nothing"}, by=cast.aino)
    assert items.sweep() == 1


def test_what_is_not_taken_in_a_minute_goes_to_somebody_else_and_keeps_its_place(cast):
    ready(cast.aino)
    old, young = write("old"), write("young", sender="0401000106")
    AgentProfile.objects.create(user=cast.aino, text_limit=1)
    items.sweep()
    assert offered() == {"sms:old": "aino"}
    WorkItem.objects.filter(pk=old.pk).update(offered_at=timezone.now() - timedelta(seconds=61))
    ready(cast.sari)
    items.sweep()
    # Aino let it pass and gets the next one; the old one goes first, to Sari.
    assert offered() == {"sms:old": "sari", "sms:young": "aino"}
    young.refresh_from_db()
    assert young.passed == {}


def test_an_answer_goes_out_as_a_text_once(cast, client_of):
    ready(cast.aino)
    item = write()
    items.sweep()
    desk = client_of(cast.aino)

    def act(**body):
        return desk.post(f"/api/items/{item.pk}", body, content_type="application/json")

    (mine,) = desk.get("/api/items").json()["mine"]
    assert (mine["text"], mine["state"]) == ("My water is brown", "offered") and mine["reachable"]
    assert act(act="done", outcome="answered", reply="x").status_code == 409  # not taken yet
    assert act(act="take").json()["state"] == "open"
    assert act(act="done", outcome="answered").status_code == 422  # what is the answer?
    assert act(act="done", outcome="ticket", ticket="T-99999").status_code == 422
    assert act(act="done", outcome="magic").status_code == 422
    assert act(act="fold").status_code == 422
    done = act(act="done", outcome="answered", reply="Let it run for ten minutes.")
    assert done.json()["state"] == "done"
    assert act(act="done", outcome="answered", reply="again").status_code == 409
    sent = SmsMessage.objects.get(template="written_reply")
    assert sent.to == ANNA and sent.body.endswith(": Let it run for ten minutes.")
    assert desk.post("/api/items/999999", {"act": "take"}, "application/json").status_code == 404


def test_what_one_has_taken_nobody_else_takes(cast):
    ready(cast.aino, cast.sari)
    item = write()
    items.take(item.pk, by=cast.aino)
    items.take(item.pk, by=cast.aino)  # twice is once
    with pytest.raises(Conflict):
        items.take(item.pk, by=cast.sari)
    with pytest.raises(Conflict):
        items.pass_on(item.pk, by=cast.sari)
    items.pass_on(item.pk, by=cast.aino)
    item.refresh_from_db()
    assert (item.state, list(item.passed)) == ("waiting", ["aino"])


def test_an_email_is_answered_by_email_not_by_text(cast):
    ready(cast.aino)
    item = write("9", "email", "anna@example.org", subject="Bill")
    items.take(item.pk, by=cast.aino)
    items.finish(item.pk, {"outcome": "answered"}, by=cast.aino)
    assert not SmsMessage.objects.filter(template="written_reply").exists()


def test_a_gateway_delivers_with_its_key_alone(cast, client, settings):
    body = {"kind": "sms", "id": "g1", "from": ANNA, "text": "No water"}

    def deliver(data, key="letmein"):
        return client.post(
            "/api/inbound", data, content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
        )  # fmt: skip

    assert deliver(body).status_code == 401  # closed while no key is set
    settings.STANDPIPE = {**settings.STANDPIPE, "INBOUND_KEY": "letmein"}
    assert deliver(body, "guess").status_code == 401 and deliver(body, "").status_code == 401
    assert deliver(body).status_code == 201 and deliver(body).status_code == 201
    assert WorkItem.objects.count() == 1
    for field, bad in (
        ("kind", {"kind": "web"}), ("from", {"from": ""}), ("text", {"text": " "}),
        ("text", {"text": "x" * 10_001}), ("id", {"id": ""}),
    ):  # fmt: skip
        answer = deliver(body | bad)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


# -- the rule itself ------------------------------------------------------------------------------

QUEUES = ("a", "b")
_items = st.lists(
    st.builds(
        Item, id=st.integers(0, 99), queue=st.sampled_from(QUEUES), priority=st.integers(0, 2),
        received=st.floats(0, 100),
        passed=st.dictionaries(st.sampled_from("uvw"), st.floats(0, 2 * PASSED_S)),
    ),
    unique_by=lambda i: i.id, max_size=8,
)  # fmt: skip
_writers = st.lists(
    st.builds(
        Writer, username=st.sampled_from("uvw"),
        penalties=st.dictionaries(st.sampled_from(QUEUES), st.integers(0, 4)),
        state=st.sampled_from([*FREE, *TALKING, "paused", "ringing"]), open=st.integers(0, 4),
        limit=st.integers(0, 4), while_talking=st.booleans(),
    ),
    unique_by=lambda w: w.username, max_size=3,
)  # fmt: skip


@given(_items, _writers)
def test_nobody_is_offered_what_they_may_not_have_and_nothing_waits_for_a_free_hand(waiting, staff):
    now = 2 * PASSED_S
    found = offers(waiting, staff, now)
    hands = {w.username: w.open for w in staff}
    by_name, by_id = {w.username: w for w in staff}, {i.id: i for i in waiting}
    assert len({pk for pk, _ in found}) == len(found)
    for pk, name in found:
        hands[name] += 1
        who, item = by_name[name], by_id[pk]
        assert item.queue in who.penalties and hands[name] <= who.limit
        assert who.state in FREE or (who.while_talking and who.state in TALKING)
        assert now - item.passed.get(name, -1e9) >= PASSED_S
    given_out = {pk for pk, _ in found}
    for item in waiting:
        if item.id not in given_out:
            for who in staff:
                talks = who.state in TALKING and who.while_talking
                could = item.queue in who.penalties and (who.state in FREE or talks)
                asked = now - item.passed.get(who.username, -1e9) < PASSED_S
                assert not could or asked or hands[who.username] >= who.limit


def test_anybody_writes_from_the_web_page_and_a_second_click_is_the_same_message(cast, client):
    form = {"name": "Anna", "reach": ANNA, "text": "The meter ticks", "ref": "abc"}
    assert client.get("/write").status_code == 200
    for _ in range(2):
        assert b'data-testid="written"' in client.post("/write", form).content
    item = WorkItem.objects.get()
    assert (item.kind, item.name, item.body) == ("web", "Anna", "The meter ticks")
    empty = client.post("/write", form | {"text": " ", "ref": "b"})
    assert empty.status_code == 422 and b"write-problem" in empty.content
    assert b"The meter" not in empty.content and ANNA.encode() in empty.content
    assert client.post("/write", form | {"text": "a\x00b", "ref": "c"}).status_code < 500
