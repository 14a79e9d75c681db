"""Walk a menu on paper: the same interpreter as on the telephone, with invented answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.refusals import Refused
from server.ivr import prompts
from telephony.flow import (
    Answered,
    Decided,
    Decision,
    Enquire,
    Flow,
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
from telephony.ivr_tree import ENQUIRIES, Tree
from telephony.notices import (
    bill_notice,
    burst_notice,
    callback_notice,
    elsewhere_notice,
    nearby_notice,
    shutoff_notice,
    ticket_notice,
    whose_place,
)
from telephony.sentences import LANGUAGES, Language, Say

MOST_INPUTS = 200
# What may be known of the invented caller's place.
KNOWN = ("nothing", "shutoff", "planned", "nearby", "burst", "elsewhere", "places")
_RESULTS = {**ENQUIRIES, "callback": ("ok", "refused", "down")}


def walk(
    tree: Tree, inputs: Any, *, language: Any = "en", known: Any = "nothing",
    hidden: bool = False, now: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a caller hears who does `inputs`, one after another: {"key": "2"}, {"silence": true},
    or {"result": "wrong"} for an enquiry (its good result where none is given).

    {said: [{node, prompt, language, text}], state: waiting | asking | over, node, keys, results,
    outcome, priority, queue, path}. Refused naming what cannot be read.
    """
    if language not in LANGUAGES:
        raise Refused("language", "unknown", _("Choose a language."))
    if known not in KNOWN:
        raise Refused("known", "unknown", _("Choose what is known of the caller's place."))
    if not isinstance(inputs, list) or len(inputs) > MOST_INPUTS:
        raise Refused("inputs", "shape", _("The caller's keys are not readable."))
    now = now or timezone.localtime()
    spoken: Language = "zh" if language == "zh" else "en"
    says, options = _announced(known, spoken, now)
    flow, said = Flow(spoken), list[dict[str, Any]]()
    decided = Decision(
        announce=says, options=options, tree=tree, language=spoken, now=now,
        number_known=not hidden,
    )  # fmt: skip
    flow, last = _tell(flow, Decided(decided), said, now)
    for given in inputs:
        if flow.stage is Stage.OVER:
            break
        flow, last = _tell(flow, _happening(flow, given, last, now), said, now)
    return _shown(flow, said, last)


def _happening(flow: Flow, given: Any, last: Sequence[Step], now: datetime) -> Happening:
    if isinstance(given, dict) and len(given) == 1:
        key, result = given.get("key"), given.get("result")
        if isinstance(key, str) and len(key) == 1 and key in "0123456789*#":
            return Pressed(key)
        if given.get("silence") is True:
            return NoKey()
        asked = next((step for step in last if isinstance(step, Enquire)), None)
        if asked is not None and isinstance(result, str):
            return Answered(_invented(asked.what, result, flow.language, now))
    raise Refused("inputs", "shape", _("The caller's keys are not readable."))


def _tell(
    flow: Flow, happening: Happening, said: list[dict[str, Any]], now: datetime
) -> tuple[Flow, Sequence[Step]]:
    """One happening, and the announcements after it heard out."""
    flow, steps = next_steps(flow, happening, float(len(said)) * 5)
    last: Sequence[Step] = steps
    for _round in range(20):
        for step in steps:
            if isinstance(step, Play):
                said += [_said(flow.node, say) for say in step.says]
        if flow.stage is not Stage.PLAYING:
            break
        flow, steps = next_steps(flow, Played(), float(len(said)) * 5)
        last = [*last, *steps]
    return flow, last


def _said(node: str, say: Say) -> dict[str, Any]:
    text = say.sentence or prompts.texts(say.language).get(say.prompt, "")
    return {"node": node, "prompt": say.prompt, "language": say.language, "text": text,
            "sentence": bool(say.sentence)}  # fmt: skip


def _shown(flow: Flow, said: list[dict[str, Any]], last: Sequence[Step]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "said": said, "state": "waiting", "node": flow.node, "keys": [], "results": [],
        "outcome": "", "queue": "", "priority": 0,
        "path": [{"at": s.at, "node": s.node, "key": s.key} for s in flow.path],
    }  # fmt: skip
    for step in last:
        if isinstance(step, Enquire):
            out["results"] = list(_RESULTS.get(step.what, ()))
        elif isinstance(step, ToQueue):
            out |= {"outcome": "queue", "queue": step.queue, "priority": step.priority}
        elif isinstance(step, ToMessage):
            out["outcome"] = "message"
        elif isinstance(step, HangUp):
            out["outcome"] = "end"
    if flow.stage is Stage.OVER:
        return {**out, "state": "over"}
    if flow.stage is Stage.ASKING:
        return {**out, "state": "asking"}
    node = flow.decision.tree.nodes.get(flow.node)
    keys = [key for key, _value in flow.options] or (sorted(node.keys) if node else [])
    return {**out, "keys": keys, "results": []}


def _announced(
    known: str, language: Language, now: datetime
) -> tuple[tuple[Say, ...], tuple[tuple[str, str], ...]]:
    since, back = now - timedelta(hours=2), now + timedelta(hours=3)
    street = _street(language)
    if known == "shutoff":
        return (shutoff_notice(language, since=since, until=back, now=now, crew="there"),), ()
    if known == "planned":
        begins = now + timedelta(hours=1)
        return (shutoff_notice(language, since=begins, until=back, now=now, planned=True),), ()
    if known == "nearby":
        return (nearby_notice(language, since=since, now=now, crew="coming"),), ()
    if known == "burst":
        return (burst_notice(language),), ()
    if known == "elsewhere":
        return (elsewhere_notice(language, street=street),), ()
    if known == "places":
        offered = [("2", street), ("3", "教堂街" if language == "zh" else "Church Street")]
        return (whose_place(language, offered),), (("2", "A"), ("3", "B"))
    return (), ()


def _street(language: Language) -> str:
    return "磨坊街" if language == "zh" else "Mill Street"


def _invented(what: str, result: str, language: Language, now: datetime) -> Spoken:
    """An answer as it would sound, about a customer who does not exist."""
    if result not in _RESULTS.get(what, ()):
        raise Refused("inputs", "result", _("This enquiry has no such result."))
    says: tuple[Say, ...] = ()
    if what == "bill" and result == "ok":
        says = (bill_notice(language, balance=Decimal("42.50"), as_of=now.date(),
                            currency="CNY" if language == "zh" else "EUR"),)  # fmt: skip
    elif what == "ticket" and result == "ok":
        says = (ticket_notice(language, number="00123", state="assigned", crew="coming",
                              now=now),)  # fmt: skip
    elif what in ("outage", "verdict") and result == "known":
        says = _announced("shutoff", language, now)[0]
    elif what in ("bill_ticket", "callback") and result == "ok":
        says = (callback_notice(language, due=now + timedelta(hours=1), now=now),)
    elif result in ("wrong", "down", "unknown", "nothing", "refused"):
        prompt = {"wrong": "wrong", "down": "lookup-down", "unknown": "not-understood",
                  "nothing": "not-known-place", "refused": "callback-refused"}[result]  # fmt: skip
        says = (Say(prompt, language),) if what != "verdict" else ()
    return Spoken(says, result)
