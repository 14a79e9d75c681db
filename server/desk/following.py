"""What Asterisk tells of talks: who is in them, who left, who has the caller now."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from server.calls import agents, queueing, services
from server.calls.models import AgentState, Call
from server.desk.models import Leg
from telephony.ami import events as told

# Asterisk's cause for a telephone whose sound stopped; a page that is loaded again says the same.
GONE = 44


def follow(event: told.AmiEvent, now: datetime) -> None:
    """One of server.calls.listeners.LISTENERS, after the core one."""
    match event:
        case told.Answered(call_id=call, agent=agent, channel=channel, why=why) if channel:
            _joined(call, agent, channel, why or Leg.How.QUEUE, now)
        case told.Transferred(call_id=call, agent=agent, to=queue) if event.to_queue:
            _waits_for_others(call, agent, queue)
        case told.ConsultAsked(call_id=call, to=to) | told.Transferred(call_id=call, to=to):
            _rings(call, to)
        case told.Consulted(call_id=call, agent=agent, channel=channel):
            _joined(call, agent, channel, Leg.How.CONSULT, now)
        case told.AgentLeft(call_id=call, agent=agent, channel=channel, cause=cause):
            _left(call, agent, channel, cause, now)
        case told.TransferFailed(call_id=call, agent=agent, to=to, status=status):
            _tell_of(call, "call.transfer_failed", agent=agent, to=to, status=status)
        case told.AgentLost(call_id=call, agent=agent):
            _tell_of(call, "call.agent_lost", agent=agent)
        case told.BackToQueue(call_id=call):
            _waits_again(call, now)
        case told.HeldChanged(agent=agent, held=held):
            _held(agent, held)
        case told.CallEnded(call_id=call):
            Leg.objects.filter(call__call_id=call, ended_at=None).update(ended_at=now)
        case _:
            pass


def _name(extension: str) -> str:
    user = agents.by_extension(extension)
    return user.username if user else extension


def _tell_of(call_id: str, name: str, *, agent: str, to: str = "", **more: str) -> None:
    call = Call.objects.filter(call_id=call_id).first()
    if call is not None:
        services.tell_call(name, call, agent=_name(agent), to=_name(to) if to else "", **more)


def _rings(call_id: str, to: str) -> None:
    """The card comes to the colleague's screen while the telephone still rings."""
    call, user = Call.objects.filter(call_id=call_id).first(), agents.by_extension(to)
    if call is not None and user is not None:
        services.tell_call("call.offered", call, agent=user.username)


def _joined(call_id: str, extension: str, channel: str, how: str, now: datetime) -> None:
    with transaction.atomic():
        call, user = Call.objects.filter(call_id=call_id).first(), agents.by_extension(extension)
        if call is None:
            return
        Leg.objects.get_or_create(
            call=call, channel=channel,
            defaults={"user": user, "extension": extension[:8], "how": how, "answered_at": now},
        )  # fmt: skip
        if how == Leg.How.CONSULT and user is not None:
            agents.set_state(user, AgentState.State.TALKING, call=call)
            services.tell_call("call.consulted", call, agent=user.username)
        if how == Leg.How.TRANSFER:
            services.handed_on(call_id)
            services.tell_call("call.transferred", call, agent=_name(extension))


def _left(call_id: str, extension: str, channel: str, cause: int, now: datetime) -> None:
    with transaction.atomic():
        leg = (
            Leg.objects.select_for_update(of=("self",))
            .filter(call__call_id=call_id, channel=channel, ended_at=None)
            .select_related("call", "user")
            .first()
        )
        if leg is None:
            # A telephone that only rang: whoever asked this colleague has the caller again.
            _tell_of(call_id, "call.not_taken", agent=extension)
            return
        leg.ended_at = now
        leg.save(update_fields=["ended_at"])
        call, user = leg.call, leg.user
        # A page that is loaded again comes back to the same caller.
        if user is not None and cause != GONE:
            agents.after_call(user, call)
        if call.state == Call.State.ENDED:
            return
        other = Leg.objects.filter(call=call, ended_at=None).exclude(pk=leg.pk).first()
        if other is not None and other.user is not None and call.agent_id == leg.user_id:
            # The consultation ended by handing the caller over.
            Call.objects.filter(pk=call.pk).update(agent=other.user)
            call.agent = other.user
            services.handed_on(call_id)
            services.tell_call("call.transferred", call, agent=other.user.username)
        else:
            services.tell_call("call.left", call, agent=_name(extension))


def _waits_for_others(call_id: str, extension: str, queue: str) -> None:
    """Handed to a queue: nobody has the caller until somebody there takes the call."""
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None or call.state == Call.State.ENDED:
            return
        call.state, call.agent = Call.State.QUEUED, None
        call.queue, call.skill = queue[:20], queueing.skill_of(queue)
        call.save(update_fields=["state", "agent", "queue", "skill"])
        services.handed_on(call_id)
        services.tell_call("call.queued", call, queue=queue, handed_by=_name(extension))


def _waits_again(call_id: str, now: datetime) -> None:
    """Nobody has the caller: whoever did and is gone takes no calls until they say so."""
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(call_id=call_id).first()
        if call is None or call.state == Call.State.ENDED:
            return
        for row in AgentState.objects.filter(call=call).select_related("user"):
            agents.set_state(row.user, AgentState.State.PAUSED, reason="telephone gone")
        call.state, call.agent = Call.State.QUEUED, None
        call.save(update_fields=["state", "agent"])
        services.tell_call("call.queued", call)


def _held(extension: str, held: bool) -> None:
    user = agents.by_extension(extension)
    row = AgentState.objects.filter(user=user).first() if user else None
    if user is None or row is None or row.call is None:
        return
    if held and row.state == AgentState.State.TALKING:
        agents.set_state(user, AgentState.State.HOLD, call=row.call)
    elif not held and row.state == AgentState.State.HOLD:
        agents.set_state(user, AgentState.State.TALKING, call=row.call)
