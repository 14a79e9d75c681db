"""The conversation before the queue: who calls, is the trouble known, and on to a person.

`flow.py` says what to do next; the runner feeds it with Asterisk's events and does it. Whatever
goes wrong here, the caller reaches the queue: by this code when it can, by the dialplan's watchdog
when it cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from telephony.ari.client import AriCalls, AriError, CallGone
from telephony.ari.events import (
    AriEvent,
    ChannelGone,
    Connected,
    KeyPressed,
    PlaybackFinished,
    Replaced,
    StasisEnd,
    StasisStart,
)
from telephony.dialplan import MESSAGE_CONTEXT, QUEUE_CONTEXT, queue_context
from telephony.flow import (
    KEY_WAIT_S,
    Answer,
    Decided,
    Decision,
    Flow,
    Gone,
    Happening,
    NoKey,
    Play,
    Played,
    Pressed,
    Stage,
    Step,
    ToMessage,
    ToQueue,
    WaitForKey,
    next_steps,
)
from telephony.identity import CallerId
from telephony.prompts import Speech
from telephony.sentences import Language

__all__ = ["Decision", "IncomingCall", "IncomingCalls", "LeftFlow"]

log = logging.getLogger(__name__)
DECIDE_BUDGET_S = 0.8
# Longer than any announcement: its end was missed, for example while the event stream was down.
LONGEST_PLAYBACK_S = 40.0


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call as it arrives. `call_id` names it everywhere; times are UTC.

    `arrived_at` is Asterisk's time of handing over, `received_at` ours of hearing about it.
    """

    call_id: str
    caller: CallerId
    dialled: str
    arrived_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LeftFlow:
    """How the conversation before the queue ended.

    `late`: the decision was not there in time (or failed) and was not used.
    """

    call_id: str
    to: Literal["queue", "message", "gone"]
    priority: int
    keys: str
    late: bool


Decide = Callable[[IncomingCall], Awaitable[Decision]]
OnLeft = Callable[[LeftFlow], Awaitable[None]]


class IncomingCalls:
    """Runs the conversation for every call that reaches the application.

    `decide` has `budget_s` to answer; later or failed, the call goes to the queue without it
    (the late decision still runs to its end, so what it stores is stored). `left` hears how each
    conversation ended. Call `run` once; cancel it to stop: callers inside are then rescued by the
    next start or by the dialplan's watchdog.
    """

    def __init__(
        self, ari: AriCalls, decide: Decide, speech: Speech, *, language: Language = "en",
        queues: Sequence[str] = ("faults",), left: OnLeft | None = None,
        budget_s: float = DECIDE_BUDGET_S,
    ) -> None:  # fmt: skip
        self._queues = tuple(queues)
        self._ari = ari
        self._decide = decide
        self._speech = speech
        self._language: Language = language
        self._left = left
        self._budget_s = budget_s
        self._calls: dict[str, _Conversation] = {}
        self._background: set[asyncio.Task[object]] = set()

    @property
    def inside(self) -> tuple[str, ...]:
        """Ids of the calls in conversation now."""
        return tuple(self._calls)

    async def run(self) -> None:
        """Read events until another process takes the application over, or cancelled."""
        warming: asyncio.Task[object] = asyncio.create_task(self._speech.warm())
        self._background.add(warming)
        warming.add_done_callback(self._background.discard)
        try:
            async for event in self._ari.events():
                if isinstance(event, Replaced):
                    log.warning("another process took over the calls; this one stops")
                    return
                await self._take(event)
        finally:
            for conversation in self._calls.values():
                conversation.task.cancel()

    async def _take(self, event: AriEvent) -> None:
        if isinstance(event, StasisStart):
            if event.args[:1] == ("incoming",) and event.channel.id not in self._calls:
                self._begin(event)
        elif isinstance(event, KeyPressed):
            self._tell(event.channel_id, Pressed(event.digit))
        elif isinstance(event, PlaybackFinished):
            conversation = self._calls.get(event.channel_id)
            if conversation is not None and conversation.playback == event.playback_id:
                conversation.playback = ""
                conversation.inbox.put_nowait(Played())
        elif isinstance(event, ChannelGone):
            self._tell(event.channel_id, Gone())
        elif isinstance(event, StasisEnd):
            self._tell(event.channel.id, Gone())
        elif isinstance(event, Connected):
            await self._rescue()

    def _tell(self, call_id: str, happening: Happening) -> None:
        conversation = self._calls.get(call_id)
        if conversation is not None:
            conversation.inbox.put_nowait(happening)

    async def _rescue(self) -> None:
        """Send on every call that is inside: its events of the time before are lost."""
        try:
            stranded = await self._ari.application_channels()
        except AriError as failure:
            log.warning("calls inside the application cannot be listed: %s", failure)
            return
        for call_id in stranded:
            conversation = self._calls.get(call_id)
            if conversation is not None:
                conversation.task.cancel()
            with contextlib.suppress(AriError):
                await self._ari.continue_to(call_id, QUEUE_CONTEXT)
                log.info("call %s was found waiting and sent to the queue", call_id)

    def _begin(self, event: StasisStart) -> None:
        call = IncomingCall(
            call_id=event.channel.id,
            caller=event.channel.caller,
            dialled=event.args[1] if len(event.args) > 1 else event.channel.dialled,
            arrived_at=event.at,
            received_at=datetime.now(UTC),
        )
        conversation = _Conversation(Flow(self._language))
        self._calls[call.call_id] = conversation
        conversation.task = asyncio.create_task(self._converse(call, conversation))

    async def _converse(self, call: IncomingCall, conversation: _Conversation) -> None:
        to: Literal["queue", "message", "gone"] = "gone"
        priority = 0
        try:
            happening: Happening = Decided(await self._decision(call))
            while True:
                conversation.flow, steps = next_steps(conversation.flow, happening)
                for step in steps:
                    await self._do(call.call_id, conversation, step)
                    if isinstance(step, ToQueue):
                        to, priority = "queue", step.priority
                    elif isinstance(step, ToMessage):
                        to = "message"
                if conversation.flow.stage is Stage.OVER:
                    break
                happening = await self._next(conversation)
        except CallGone:
            to = "gone"
        except AriError as failure:
            log.warning("call %s: %s; it goes to the queue", call.call_id, failure)
            with contextlib.suppress(AriError):
                await self._ari.continue_to(call.call_id, QUEUE_CONTEXT)
                to = "queue"
        finally:
            self._calls.pop(call.call_id, None)
        if self._left is not None:
            flow = conversation.flow
            await self._report(LeftFlow(call.call_id, to, priority, flow.keys, flow.late))

    async def _decision(self, call: IncomingCall) -> Decision | None:
        task: asyncio.Future[Decision] = asyncio.ensure_future(self._decide(call))
        try:
            async with asyncio.timeout(self._budget_s):
                return await asyncio.shield(task)
        except TimeoutError:
            if task.done() and not task.cancelled() and task.exception() is not None:
                log.error("call %s: no decision", call.call_id, exc_info=task.exception())
            else:
                log.warning("call %s: no decision in %g s", call.call_id, self._budget_s)
                self._watch(call.call_id, task)
        except Exception:
            log.exception("call %s: no decision", call.call_id)
        return None

    def _watch(self, call_id: str, task: asyncio.Future[Decision]) -> None:
        async def finish() -> object:
            try:
                await task
            except Exception:
                log.exception("call %s: the late decision failed", call_id)
            return None

        watcher = asyncio.create_task(finish())
        self._background.add(watcher)
        watcher.add_done_callback(self._background.discard)

    async def _report(self, left: LeftFlow) -> None:
        if self._left is None:
            return
        try:
            await self._left(left)
        except Exception:
            log.exception("call %s: its way was not noted", left.call_id)

    async def _next(self, conversation: _Conversation) -> Happening:
        waiting = conversation.flow.stage is Stage.WAITING
        limit = conversation.key_wait_s if waiting else LONGEST_PLAYBACK_S
        try:
            async with asyncio.timeout(limit):
                return await conversation.inbox.get()
        except TimeoutError:
            return NoKey() if waiting else Played()

    async def _do(self, call_id: str, conversation: _Conversation, step: Step) -> None:
        if isinstance(step, Answer):
            await self._ari.answer(call_id)
        elif isinstance(step, Play):
            media = [await self._speech.media(say) for say in step.says]
            conversation.playback = await self._ari.play(call_id, media)
        elif isinstance(step, WaitForKey):
            conversation.key_wait_s = step.seconds
        elif isinstance(step, ToMessage):
            await self._silence(conversation)
            await self._ari.continue_to(call_id, MESSAGE_CONTEXT)
        else:
            queue = step.queue or self._queues[0]
            if queue not in self._queues:
                log.error("call %s: there is no queue %r, %s is used", call_id, queue,
                          self._queues[0])  # fmt: skip
                queue = self._queues[0]
            await self._silence(conversation)
            await self._ari.continue_to(call_id, queue_context(queue), str(step.priority))


    async def _silence(self, conversation: _Conversation) -> None:
        """Asterisk would finish the announcement before it let the call go on."""
        if conversation.playback:
            playback, conversation.playback = conversation.playback, ""
            await self._ari.stop(playback)


class _Conversation:
    """One call inside: its flow, what happened and is not read yet, and its task."""

    task: asyncio.Task[None]

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.inbox: asyncio.Queue[Happening] = asyncio.Queue()
        self.playback = ""
        self.key_wait_s = KEY_WAIT_S
