"""What an agent does with a call: hold, ask a colleague, hand over, talk in three, hang up.

By the manager interface, for a telephone in the browser and one on the desk alike. Asterisk's own
features do the work (telephony/features.py): this presses their keys for the agent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.models import User
from server.accounts.refusals import Conflict, Refused
from server.calls import exchange, sites
from server.calls.models import AgentState, Call
from server.calls.queueing import seating, selectors
from server.customers.selectors import read_number
from telephony import features
from telephony.dialplan import CONSULT_CONTEXT, TRANSFER_CONTEXT, queue_place
from telephony.order import HELPER_PENALTY

# Keys of a feature follow each other like those of a quick finger.
_PRESS_MS, _GAP_S = 80, 0.1
KEYS = "0123456789*#"


@dataclass(frozen=True, slots=True)
class Talk:
    """The talk to act on: the agent's own channel in it, the site whose exchange holds that, and
    what the channel is bridged with there: the caller, or the line to the caller's site.
    """

    call: Call
    by: User
    channel: str
    site: str
    beside: str = ""

    @property
    def caller(self) -> str:
        """The caller's channel: its unique id names it as well."""
        return self.call.channel_id or self.call.call_id

    @property
    def callers_site(self) -> str:
        """The site where the call arrived."""
        return sites.of_channel(self.caller)


def act(call: Call, what: str, *, by: User, to: str = "", on: bool = True, key: str = "") -> None:
    """Do `what` (a name in ACTS) to the talk that `by` has. Errors: Refused, Conflict.

    `to` is an extension, a number outside (consult only) or a queue's code (queue only); `on`
    switches hold and mute; `key` is one key of a telephone.
    """
    doing = ACTS.get(what)
    if doing is None:
        raise Refused("act", "unknown", _("That cannot be done with a call."))
    talk = Talk(call, by, *_own_channel(by))
    doing(talk, to, on, key)
    record(f"call.{what}", f"call:{call.call_id}", note=to, by=by.username)


def _own_channel(by: User) -> tuple[str, str, str]:
    """The channel of the agent's telephone that is in a talk, at which site, and beside what."""
    if not by.extension:
        raise Refused("act", "no_extension", _("You have no telephone line."))
    mine = f"PJSIP/{by.extension}-"
    at_each = exchange.listed_at_each("CoreShowChannels")
    names = [
        (m.get("Channel"), site, m.get("BridgeId"))
        for site, held in at_each.items()
        for m in held
        if m.get("Channel").startswith(mine) and m.get("ChannelStateDesc") == "Up"
    ]
    if not names:
        raise Conflict("act", "no_talk", _("Your telephone is not in a call."))
    channel, site, bridge = names[-1]
    beside = next(
        (m.get("Channel") for m in at_each[site]
         if bridge and m.get("BridgeId") == bridge and m.get("Channel") != channel), "",
    )  # fmt: skip
    return channel, site, beside


def _press(talk: Talk, code: str) -> None:
    for digit in code:
        exchange.act(
            "PlayDTMF", site=talk.site, Channel=talk.channel, Digit=digit, Duration=_PRESS_MS,
            Receive=True,
        )  # fmt: skip
        time.sleep(_GAP_S)


def _colleague(talk: Talk, to: str) -> str:
    """The line of a colleague, as the dialplan knows it."""
    found = User.objects.filter(extension=to.strip(), is_active=True).exclude(extension="").first()
    if found is None:
        raise Refused("to", "unknown", _("There is no colleague with this line."))
    if found.pk == talk.by.pk:
        raise Refused("to", "self", _("That is your own line."))
    return found.extension


def _hold(talk: Talk, to: str, on: bool, key: str) -> None:
    if not on:
        _share(talk, "SP_HOLD", "0")
        return
    _share(talk, "SP_HOLDER", talk.channel)
    _share(talk, "SP_HOLD", "1")
    _press(talk, features.HOLD)


def _share(talk: Talk, name: str, value: str) -> None:
    """A note for the dialplan on the caller's channel, or on the line that stands for it here:
    the music is played by the exchange whose key was pressed.
    """
    here = talk.site == talk.callers_site or not talk.beside
    exchange.act(
        "Setvar", site=talk.callers_site if here else talk.site,
        Channel=talk.caller if here else talk.beside, Variable=f"SHARED({name})", Value=value,
    )  # fmt: skip


def _mute(talk: Talk, to: str, on: bool, key: str) -> None:
    exchange.act(
        "MuteAudio", site=talk.site, Channel=talk.channel, Direction="in",
        State="on" if on else "off",
    )  # fmt: skip


def _transfer(talk: Talk, to: str, on: bool, key: str) -> None:
    exchange.act(
        "BlindTransfer", site=talk.site, Channel=talk.channel, Context=TRANSFER_CONTEXT,
        Exten=_colleague(talk, to),
    )  # fmt: skip


def _queue(talk: Talk, to: str, on: bool, key: str) -> None:
    """To whoever answers that queue, at the place that fits how long the caller has waited."""
    code = to.strip()
    if code not in {q.code for q in selectors.queues()}:
        raise Refused("to", "unknown", _("There is no such queue."))
    place = 1 + selectors.before(talk.call, code)
    exchange.act(
        "BlindTransfer", site=talk.site, Channel=talk.channel, Context=TRANSFER_CONTEXT,
        Exten=queue_place(code, place),
    )  # fmt: skip


def _consult(talk: Talk, to: str, on: bool, key: str) -> None:
    """A colleague, or a number outside: the crew on site, the police."""
    number = to.strip()
    if User.objects.filter(extension=number).exists():
        number = _colleague(talk, number)
    else:
        read = read_number(number)
        if read.number is None:
            raise Refused("to", "not_dialable", _("That is no number that can be dialled."))
        number = read.number
    exchange.act(
        "Atxfer", site=talk.site, Channel=talk.channel, Context=CONSULT_CONTEXT, Exten=number
    )


def _feature(code: str) -> Callable[[Talk, str, bool, str], None]:
    def press(talk: Talk, to: str, on: bool, key: str) -> None:
        _press(talk, code)

    return press


def _key(talk: Talk, to: str, on: bool, key: str) -> None:
    if len(key) != 1 or key not in KEYS:
        raise Refused("key", "unknown", _("A telephone has the keys 0 to 9, * and #."))
    exchange.act(
        "PlayDTMF", site=talk.callers_site, Channel=talk.caller, Digit=key, Duration=_PRESS_MS
    )


def _hang_up(talk: Talk, to: str, on: bool, key: str) -> None:
    exchange.act("Hangup", site=talk.site, Channel=talk.channel, Cause=16)


ACTS: dict[str, Callable[[Talk, str, bool, str], None]] = {
    "hold": _hold, "mute": _mute, "key": _key, "hangup": _hang_up,
    "transfer": _transfer, "queue": _queue, "consult": _consult,
    "abort": _feature(features.CONSULT_ABORT), "complete": _feature(features.CONSULT_COMPLETE),
    "conference": _feature(features.CONSULT_CONFERENCE), "swap": _feature(features.CONSULT_SWAP),
}  # fmt: skip


def colleagues(me: User) -> list[dict[str, Any]]:
    """Whom a call may be handed to: [{user, name, extension, role, state, since}], free first."""
    order = {"ready": 0, "paused": 1, "wrap": 1, "ringing": 2, "talking": 2, "hold": 2}
    rows = (
        AgentState.objects.select_related("user")
        .filter(user__is_active=True)
        .exclude(user=me)
        .exclude(user__extension="")
        .exclude(state=AgentState.State.SIGNED_OUT)
    )
    found = [
        {"user": r.user.username, "name": r.user.name, "extension": r.user.extension,
         "role": r.user.role, "state": r.state, "reason": r.reason, "since": r.since}
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda r: (order.get(str(r["state"]), 3), str(r["name"])))


def queues(me: User) -> list[dict[str, Any]]:
    """The queues a call may be handed to, by rank, and how they stand.

    [{queue, name, waiting, longest_wait_s, expected_wait_s, working, free, mine}]; `mine`: the
    agent answers it too, so the caller may come back. The agent is talking, so not among the free.
    """
    seat = seating.seat(me, AgentState.State.TALKING, "")
    places = seat.penalties if seat else {}
    own = {code for code, penalty in places.items() if penalty < HELPER_PENALTY}
    keep = ("queue", "name", "waiting", "longest_wait_s", "expected_wait_s", "working", "free")
    return [{**{k: q[k] for k in keep}, "mine": q["queue"] in own} for q in selectors.now()]


def talk_of(call: Call) -> dict[str, Any]:
    """Who has talked and who is talking: {legs: [{user, name, how, how_label, from, to}], with}."""
    legs = [
        {"user": leg.user.username if leg.user else "", "extension": leg.extension,
         "name": leg.user.name if leg.user else leg.extension, "how": leg.how,
         "how_label": str(leg.get_how_display()), "from": leg.answered_at, "to": leg.ended_at}
        for leg in call.legs.select_related("user")
    ]  # fmt: skip
    return {"legs": legs, "with": [leg["user"] for leg in legs if leg["to"] is None],
            "state": call.state}  # fmt: skip
