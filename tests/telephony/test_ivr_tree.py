"""The menu as data, and the interpreter that walks it.

hello --> known --(verdict)--> choose --> main
             \\--(nothing)----------------> main -+-2-> bill-account -> bill-factor -> bill
                                                 +-3-> outage          (second factor)
                                                 +-4-> ticket-number -> ticket-factor -> ticket
                                                 +-5-> callback
                                                 +-8-> the other language
                                                 +-9-> message
1 emergency, 0 person: from everywhere
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.flow import (
    FLOOD_KEYS,
    Answered,
    Decided,
    Decision,
    Enquire,
    Flow,
    Gone,
    HangUp,
    Happening,
    NoKey,
    Play,
    Played,
    Pressed,
    Spoken,
    Stage,
    Step,
    ToMessage,
    ToQueue,
    next_steps,
)
from telephony.ivr_tree import ENQUIRIES, MAX_NODES, TreeError, check, fields_of, parse
from telephony.ivr_trees import BUILT_IN, FULL, TEMPLATES
from telephony.prompt_texts import PROMPTS
from telephony.sentences import Say


class Phone:
    """A caller in a tree: presses keys, waits, and reads what was said."""

    def __init__(self, decision: Decision | None = None) -> None:
        self.flow, self.steps, self.clock = Flow("en"), [], 0.0
        self.tell(Decided(decision if decision is not None else Decision(tree=FULL)))

    def tell(self, happening: Happening, after: float = 1.0) -> Phone:
        self.clock += after
        self.flow, steps = next_steps(self.flow, happening, self.clock)
        self.steps = list(steps)
        return self

    def hears_out(self) -> Phone:
        return self.tell(Played())

    def press(self, keys: str) -> Phone:
        for key in keys:
            self.tell(Pressed(key), 0.5)
        return self

    def waits(self) -> Phone:
        return self.hears_out().tell(NoKey())

    def answer(self, result: str, *says: str) -> Phone:
        return self.tell(Answered(Spoken(tuple(Say(s, self.flow.language) for s in says), result)))

    @property
    def said(self) -> list[str]:
        return [say.prompt for step in self.steps if isinstance(step, Play) for say in step.says]

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def way(self) -> list[tuple[str, str]]:
        return [(step.node, step.key) for step in self.flow.path]


# --- the trees that are there ----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_trees_that_come_along_can_be_used_and_say_only_what_has_words(name: str) -> None:
    assert check(TEMPLATES[name], prompts=PROMPTS, queues=["faults"]) == ()


def tree(**changes: Any) -> dict[str, Any]:
    """The full tree with nodes replaced (None takes one away)."""
    data = copy.deepcopy(TEMPLATES["full"])
    for name, node in changes.items():
        if node is None:
            del data["nodes"][name.replace("_", "-")]
        else:
            data["nodes"][name.replace("_", "-")] = node
    return data


SAY = {"kind": "say", "say": ["recorded"], "next": "main"}


@pytest.mark.parametrize(
    ("node", "field", "code"),
    [
        ({**SAY, "kind": "song"}, "kind", "unknown_kind"),
        ({**SAY, "next": "nowhere"}, "next", "no_such_node"),
        ({**SAY, "say": []}, "say", "needed"),
        ({**SAY, "say": ["../etc/passwd"]}, "say", "no_such_prompt"),
        ({**SAY, "say": ["unheard-of"]}, "say", "no_such_prompt"),
        ({**SAY, "say": "recorded"}, "say", "bad_list"),
        ({**SAY, "volume": 3}, "volume", "unknown_field"),
        ({**SAY, "queue": "vip"}, "queue", "no_such_queue"),
        ({"kind": "menu", "say": ["main-menu"], "keys": {"0": "main"}}, "keys", "key_is_taken"),
        ({"kind": "menu", "say": ["main-menu"], "keys": {"1": "main"}}, "keys", "key_is_taken"),
        ({"kind": "menu", "say": ["main-menu"], "keys": {"22": "main"}}, "keys", "no_key"),
        ({"kind": "menu", "say": ["main-menu"]}, "keys", "needed"),
        ({"kind": "menu", "say": ["main-menu"], "keys": {"2": "main"}, "tries": 0}, "tries",
         "out_of_range"),
        ({"kind": "menu", "say": ["main-menu"], "keys": {"2": "main"}, "tries": True}, "tries",
         "no_number"),
        ({"kind": "ask", "say": ["ask-account"], "what": "iban", "next": "main"}, "what",
         "unknown_question"),
        ({"kind": "ask", "say": ["ask-account"], "what": "account", "least": 1, "next": "main"},
         "least", "out_of_range"),
        ({"kind": "ask", "say": ["ask-account"], "what": "account", "least": 9, "most": 4,
          "next": "main"}, "least", "above_most"),
        ({"kind": "enquiry", "what": "lottery", "next": "main"}, "what", "unknown_enquiry"),
        ({"kind": "enquiry", "what": "outage", "ways": {"maybe": "main"}, "next": "main"},
         "ways", "unknown_result"),
        ({"kind": "language", "language": "fi", "next": "main"}, "language", "unknown_language"),
        ({"kind": "hours", "days": ["mon"], "opens": "8", "closes": "16:00",
          "ways": {"open": "main", "closed": "main"}}, "opens", "bad_clock"),
        ({"kind": "hours", "days": ["mon"], "opens": "16:00", "closes": "08:00",
          "ways": {"open": "main", "closed": "main"}}, "closes", "before_opening"),
        ({"kind": "hours", "days": [], "opens": "08:00", "closes": "16:00",
          "ways": {"open": "main", "closed": "main"}}, "days", "bad_days"),
        ({"kind": "hours", "days": ["mon"], "opens": "08:00", "closes": "16:00",
          "ways": {"open": "main"}}, "ways", "needed"),
    ],
)  # fmt: skip
def test_a_node_that_cannot_be_used_is_named_with_its_field(
    node: dict[str, Any], field: str, code: str
) -> None:
    found = check(tree(hello=node), prompts=PROMPTS, queues=["faults"])
    assert [("hello", field, code)] == [(p.node, p.field, p.code) for p in found][:1]
    with pytest.raises(TreeError, match="hello"):
        if found[0].code not in ("no_such_prompt", "no_such_queue"):
            parse(tree(hello=node))
        else:
            raise TreeError(found)


def test_a_node_nobody_reaches_and_a_circle_without_a_key_are_found() -> None:
    codes = {p.code for p in check(tree(lonely=SAY))}
    assert codes == {"unreachable"}
    round_and_round = tree(
        hello={**SAY, "next": "again"}, again={**SAY, "next": "hello"},
    )  # fmt: skip
    assert "endless" in {p.code for p in check(round_and_round)}
    silent_menu = tree(main={"kind": "menu", "say": ["main-menu"], "keys": {"2": "queue"},
                             "otherwise": "main"})  # fmt: skip
    assert ("main", "endless") in {(p.node, p.code) for p in check(silent_menu)}


def test_a_bill_is_never_told_without_both_questions() -> None:
    short_cut = tree(bill_account={
        "kind": "ask", "say": ["ask-account"], "what": "account", "next": "bill",
    })  # fmt: skip
    assert ("bill", "not_asked", "factor") in {
        (p.node, p.code, p.value) for p in check(short_cut)
    }  # fmt: skip


PLAIN = st.sampled_from([None, True, 3, -1, 2.5, "", "hello", "menu", "say", "水", "2"])
WORDS = ["start", "nodes", "keys", "hello", "kind", "say", "next", "ways", "what", "days", "a"]


@settings(deadline=None)
@given(st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
))  # fmt: skip
def test_whatever_is_sent_as_a_tree_is_answered_with_problems(data: Any) -> None:
    assert check(data, prompts=PROMPTS, queues=["faults"])


def test_a_tree_has_an_end() -> None:
    nodes = {f"n{i}": SAY for i in range(MAX_NODES + 1)}
    assert [p.code for p in check({"start": "n1", "nodes": nodes})] == ["too_many"]
    assert "say" in fields_of("menu") and set(ENQUIRIES) >= {"bill", "ticket", "outage"}


# --- walking ---------------------------------------------------------------------------------


def test_a_caller_in_no_trouble_hears_the_menu_and_silence_three_times_leads_to_a_person() -> None:
    phone = Phone()
    assert phone.said == ["recorded", "main-menu", "other-language"]
    assert phone.waits().said == ["main-menu", "other-language"]
    assert phone.waits().said == ["main-menu", "other-language"]
    assert phone.waits().last == ToQueue(0, "")
    assert phone.way[-1] == ("@person", "")


def test_a_wrong_key_three_times_leads_to_a_person_too() -> None:
    phone = Phone().hears_out()
    assert phone.press("7").said[0] == "not-a-choice"
    phone.hears_out().press("6").hears_out().press("7")
    assert phone.last == ToQueue(0, "")


def test_star_says_the_menu_again_and_is_no_mistake_word() -> None:
    assert Phone().hears_out().press("*").said == ["main-menu", "other-language"]


@pytest.mark.parametrize("keys", ["", "2", "24100001#", "3", "4", "5", "53", "8", "2#"])
def test_danger_and_a_person_are_one_key_away_at_every_level(keys: str) -> None:
    for last, priority in (("1", 10), ("0", 0)):
        phone = Phone(Decision(tree=FULL, number_known=True)).press(keys)
        phone.press(last)
        if phone.flow.stage is not Stage.OVER:
            # Where digits are entered, a lone one is meant by itself.
            phone.tell(NoKey())
        assert phone.last == ToQueue(priority, ""), (keys, phone.way)


@pytest.mark.parametrize("node", sorted(n for n in FULL.nodes))
def test_every_node_of_the_tree_lets_an_emergency_through(node: str) -> None:
    data = copy.deepcopy(TEMPLATES["full"])
    data["start"] = node
    started = Decision(tree=parse_lax(data), number_known=True)
    phone = Phone(started)
    if phone.flow.stage is not Stage.OVER:
        phone.press("1")
    if phone.flow.stage is not Stage.OVER:
        phone.press("#")
    assert phone.flow.stage is Stage.OVER
    if FULL.nodes[node].kind not in ("transfer", "message", "end"):
        assert phone.last == ToQueue(10, "")


def parse_lax(data: dict[str, Any]) -> Any:
    """The tree begun elsewhere: nodes before it cannot be reached then, which is not the point."""
    from dataclasses import replace

    return replace(FULL, start=data["start"])


def test_a_bill_is_told_after_both_numbers_and_the_numbers_are_not_kept() -> None:
    phone = Phone().press("2").press("41000018#").press("9876#")
    assert phone.last == Enquire("bill", {"account": "41000018", "factor": "9876"})
    assert phone.answer("ok", "answer-unspoken").said == ["answer-unspoken", "anything-else"]
    assert phone.flow.entered == {} and phone.flow.told == ("bill:ok",)
    kept = repr((phone.flow.path, phone.flow.keys))
    assert "41000018" not in kept and "9876" not in kept
    assert ("bill-factor", "8 digits") in phone.way and ("bill", "4 digits") in phone.way


def test_wrong_numbers_three_times_lead_to_a_person() -> None:
    phone = Phone().press("2")
    for _ in range(2):
        phone.press("41000018#").press("1111#").answer("wrong", "wrong")
        assert phone.said == ["wrong", "ask-account"]
    phone.press("41000018#").press("1111#").answer("wrong", "wrong")
    assert phone.last == ToQueue(0, "") and phone.way[-1] == ("@person", "wrong")


def test_when_billing_is_down_it_is_said_and_a_ticket_offered() -> None:
    phone = Phone().press("2").press("41000018#").press("9876#").tell(Answered(None))
    assert phone.said == ["lookup-down", "bill-ticket-offer"]
    assert phone.press("2").last == Enquire("bill_ticket", {})
    assert phone.answer("ok", "callback-thanks").said == ["callback-thanks", "goodbye"]
    assert phone.hears_out().last == HangUp()


def test_digits_begin_again_with_star_and_end_by_themselves_when_there_are_enough() -> None:
    phone = Phone().press("2").press("99*41000018#")
    assert phone.flow.entered == {"account": "41000018"}
    phone = Phone().press("2").press("1234567890123456")
    assert phone.flow.entered == {"account": "1234567890123456"}
    assert phone.flow.node == "bill-factor"


def test_too_few_digits_are_asked_for_again_and_after_three_times_a_person_is() -> None:
    phone = Phone().press("2").press("23#")
    assert phone.said == ["not-understood", "ask-account"]
    phone.press("23#").press("23").tell(NoKey())
    assert phone.last == ToQueue(0, "")


def test_a_call_back_goes_to_the_callers_number_or_to_another() -> None:
    known = Decision(tree=FULL, number_known=True)
    assert Phone(known).press("52").last == Enquire("callback", {})
    phone = Phone(known).press("53").press("0401234567#")
    assert phone.last == Enquire("callback", {"callback": "0401234567"})
    again = phone.answer("refused", "callback-refused")
    assert again.said == ["callback-refused", "callback-enter"]
    phone.press("0401234568#").answer("ok", "callback-thanks")
    assert phone.hears_out().last == HangUp()
    assert "0401234568" not in repr(phone.flow.path)
    # A hidden number cannot be offered.
    assert Phone(Decision(tree=FULL)).press("5").said == ["callback-enter"]


def test_the_menu_changes_its_language_and_offers_the_other_one() -> None:
    phone = Phone().press("8")
    [play] = [step for step in phone.steps if isinstance(step, Play)]
    assert [(s.prompt, s.language) for s in play.says] == [
        ("main-menu", "zh"), ("other-language", "en"),
    ]  # fmt: skip
    assert Phone(Decision(tree=FULL, language="zh")).flow.language == "zh"


PLACES = (("2", "farm1"), ("3", "farm2"))


def test_several_places_are_offered_and_none_is_assumed() -> None:
    offered = Decision(tree=FULL, announce=[Say("whose-place", "en")], options=PLACES)
    phone = Phone(offered)
    assert phone.said == ["recorded", "whose-place"]
    assert phone.press("3").last == Enquire("verdict", {"choice": "farm2"})
    assert phone.answer("known", "known-shutoff").said == ["known-shutoff", "choose-key"]
    silent = Phone(offered).waits()
    assert silent.said[0] == "main-menu" and silent.flow.entered == {}


def test_hours_lead_to_the_office_when_it_is_open_and_to_the_message_when_not() -> None:
    data = tree(hello={
        "kind": "hours", "days": ["mon", "tue", "wed", "thu", "fri"], "opens": "08:00",
        "closes": "16:00", "holidays": ["2026-12-25"],
        "ways": {"open": "known", "closed": "night"},
    }, night={"kind": "say", "say": ["closed-now"], "next": "message"})  # fmt: skip
    office = parse(data)
    for when, first in (
        (datetime(2026, 11, 26, 8, 0), "main-menu"),  # noqa: DTZ001
        (datetime(2026, 11, 26, 16, 0), "closed-now"),  # noqa: DTZ001
        (datetime(2026, 11, 28, 12, 0), "closed-now"),  # noqa: DTZ001  a Saturday
        (datetime(2026, 12, 25, 12, 0), "closed-now"),  # noqa: DTZ001  a holiday on a Friday
    ):
        phone = Phone(Decision(tree=office, now=when))
        assert phone.said[0] == first, when
    assert phone.hears_out().last == ToMessage()


def test_a_flood_of_keys_is_not_heard_and_ends_with_a_person() -> None:
    phone = Phone().hears_out()
    for _ in range(FLOOD_KEYS + 30):
        phone.tell(Pressed("*"), 0.1)
    assert phone.flow.deaf and phone.flow.pressed == FLOOD_KEYS + 30
    assert not phone.tell(Pressed("1"), 0.1).steps
    phone.waits()
    assert phone.last == ToQueue(0, "") and len(phone.flow.keys) <= 20


def test_a_quick_caller_is_no_flood() -> None:
    phone = Phone().press("2")
    for key in "1234567890123456":
        phone.tell(Pressed(key), 0.2)
    assert not phone.flow.deaf and phone.flow.node == "bill-factor"


# --- whatever happens ------------------------------------------------------------------------

HAPPENINGS = st.one_of(
    st.builds(Pressed, st.sampled_from("0123456789*#")),
    st.sampled_from([Played(), NoKey(), Gone(), Decided(None)]),
    st.builds(
        lambda result: Answered(Spoken((Say("lookup-down"),), result)),
        st.sampled_from(["ok", "wrong", "down", "known", "nothing", "unknown", "refused", ""]),
    ),
    st.just(Answered(None)),
    st.just(Answered(Spoken((Say("whose-place"),), "", PLACES))),
)


@settings(deadline=None)
@given(
    st.sampled_from([BUILT_IN, FULL]), st.booleans(),
    st.lists(st.tuples(HAPPENINGS, st.floats(0, 3)), max_size=60),
)  # fmt: skip
def test_no_order_of_events_leaves_the_tree_or_takes_two_ways(
    walked: Any, known: bool, happenings: list[tuple[Happening, float]]
) -> None:
    phone = Phone(Decision(tree=walked, number_known=known))
    ways, steps = [], list(phone.steps)
    for happening, after in happenings:
        steps += phone.tell(happening, after).steps
    ways = [s for s in steps if isinstance(s, ToQueue | ToMessage | HangUp)]
    assert len(ways) <= 1
    assert not ways or phone.flow.stage is Stage.OVER
    assert len(phone.flow.path) <= 60
    assert phone.flow.node in walked.nodes or phone.flow.node.startswith("@")


@settings(deadline=None)
@given(st.lists(st.sampled_from("23456789*#"), max_size=30), st.booleans())
def test_a_caller_who_falls_silent_always_ends_with_somebody(keys: list[str], known: bool) -> None:
    phone = Phone(Decision(tree=FULL, number_known=known)).press("".join(keys))
    for _ in range(40):
        if phone.flow.stage is Stage.OVER:
            break
        phone.tell(Answered(None)) if phone.flow.stage is Stage.ASKING else phone.waits()
    assert phone.flow.stage is Stage.OVER
