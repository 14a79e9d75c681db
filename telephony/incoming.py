"""The conversation before the queue: who calls, is the trouble known, and on to a person.

`flow.py` says what to do next; the runner feeds it with Asterisk's events and does it. Whatever
goes wrong here, the caller reaches the queue: by this code when it can, by the dialplan's watchdog
when it cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
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
from telephony.dialplan import MENU_CONTEXT, MESSAGE_CONTEXT, QUEUE_CONTEXT, queue_door
from telephony.flow import (
    Answer,
    Answered,
    Decided,
    Decision,
    Enquire,
    Flow,
    Gone,
    HangUp,
    Happening,
    Hush,
    NoKey,
    PathStep,
    Play,
    Played,
    Pressed,
    Spoken,
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

__all__ = ["Decision", "IncomingCall", "IncomingCalls", "LeftFlow", "Spoken"]

log = logging.getLogger(__name__)
DECIDE_BUDGET_S = 0.8
# Longer than any announcement: its end was missed, for example while the event stream was down.
LONGEST_PLAYBACK_S = 45.0
# Looking something up while the caller waits in silence; then it is "not just now".
ENQUIRE_BUDGET_S = 4.0
# The dialplan's watchdog (60 s) is set anew between two announcements when this much is used up;
# together with the longest announcement it stays below.
RENEW_AFTER_S = 10.0
RENEW_BUDGET_S = 3.0


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


To = Literal["queue", "message", "callback", "ended", "gone"]


@dataclass(frozen=True, slots=True)
class LeftFlow:
    """How the conversation before the queue ended.

    `late`: the decision was not there in time (or failed) and was not used. `to` is `gone` for a
    caller who hung up, `ended` when the menu had nothing more to say. `told` are the enquiries
    that were answered, as "bill:ok"; `version` is the tree's.
    """

    call_id: str
    to: To
    priority: int
    keys: str
    late: bool
    path: tuple[PathStep, ...] = ()
    told: tuple[str, ...] = ()
    version: int = 0


Decide = Callable[[IncomingCall], Awaitable[Decision]]
Look = Callable[[str, str, Mapping[str, str], Language], Awaitable[Spoken]]
OnLeft = Callable[[LeftFlow], Awaitable[None]]


async def _nobody_looks(
    call_id: str, what: str, entered: Mapping[str, str], language: Language
) -> Spoken:
    raise LookupError(what)


class IncomingCalls:
    """Runs the conversation for every call that reaches the application.

    `decide` has `budget_s` to answer; later or failed, the call goes to the queue without it
    (the late decision still runs to its end, so what it stores is stored). `left` hears how each
    conversation ended. `look(call_id, what, entered, language)` makes an enquiry of the tree;
    failing or slow it is "not just now". Call `run` once; cancel it to stop: callers inside are
    then rescued by the next start or by the dialplan's watchdog.
    """

    def __init__(
        self, ari: AriCalls, decide: Decide, speech: Speech, *, language: Language = "en",
        queue: str = "faults", left: OnLeft | None = None,
        look: Look = _nobody_looks, budget_s: float = DECIDE_BUDGET_S,
        renew_after_s: float = RENEW_AFTER_S,
    ) -> None:  # fmt: skip
        self._queue = queue
        self._ari = ari
        self._decide = decide
        self._speech = speech
        self._language: Language = language
        self._left = left
        self._look = look
        self._budget_s = budget_s
        self._renew_after_s = renew_after_s
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
            known = self._calls.get(event.channel.id)
            if event.args[:1] == ("incoming",) and known is None:
                self._begin(event)
            elif event.args[:1] == ("more",) and known is not None:
                known.renewed.set()
            elif event.args[:1] == ("more",):
                # It was between two announcements when the process before us ended.
                await self._send_on(event.channel.id)
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
            known = self._calls.get(event.channel.id)
            if known is not None and known.renewing:
                known.renewing = False
            else:
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
            await self._send_on(call_id)

    async def _send_on(self, call_id: str) -> None:
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
        to: To = "gone"
        priority = 0
        try:
            happening: Happening = Decided(await self._decision(call))
            while True:
                conversation.flow, steps = next_steps(
                    conversation.flow, happening, conversation.age_s
                )
                for step in steps:
                    await self._do(call.call_id, conversation, step)
                    if isinstance(step, ToQueue):
                        to, priority = "queue", step.priority
                    elif isinstance(step, ToMessage):
                        to = "message"
                    elif isinstance(step, HangUp):
                        to = "ended"
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
            conversation.looking.cancel()
        flow = conversation.flow
        if to in ("ended", "gone") and "callback:ok" in flow.told:
            to = "callback"
        if self._left is not None:
            await self._report(LeftFlow(
                call.call_id, to, priority, flow.keys, flow.late, flow.path, flow.told,
                flow.decision.tree.version,
            ))  # fmt: skip

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
        """What happens next. A key that changes nothing does not make a wait longer."""
        try:
            async with asyncio.timeout_at(conversation.deadline):
                return await conversation.inbox.get()
        except TimeoutError:
            stage = conversation.flow.stage
            conversation.wait(LONGEST_PLAYBACK_S)
            if stage is Stage.ASKING:
                conversation.looking.cancel()
                return Answered(None)
            return NoKey() if stage is Stage.WAITING else Played()

    async def _do(self, call_id: str, conversation: _Conversation, step: Step) -> None:
        if isinstance(step, Answer):
            await self._ari.answer(call_id)
        elif isinstance(step, Play):
            media = [await self._speech.media(say) for say in step.says]
            await self._silence(conversation)
            await self._renew(call_id, conversation)
            conversation.playback = await self._ari.play(call_id, media)
            conversation.wait(LONGEST_PLAYBACK_S)
        elif isinstance(step, Hush):
            await self._silence(conversation)
        elif isinstance(step, WaitForKey):
            if not conversation.flow.digits:
                await self._renew(call_id, conversation)
            conversation.wait(step.seconds)
        elif isinstance(step, Enquire):
            conversation.wait(ENQUIRE_BUDGET_S)
            conversation.looking = asyncio.create_task(self._enquire(call_id, conversation, step))
        elif isinstance(step, HangUp):
            await self._silence(conversation)
            await self._ari.hangup(call_id)
        elif isinstance(step, ToMessage):
            await self._silence(conversation)
            await self._ari.continue_to(call_id, MESSAGE_CONTEXT)
        else:
            await self._silence(conversation)
            await self._ari.continue_to(call_id, *self._door(step, conversation.flow.language))

    def _door(self, step: ToQueue, language: Language) -> tuple[str, str]:
        """Who asks for a queue that is not there any more is led to the usual one by Asterisk."""
        try:
            return queue_door(step.queue or self._queue, step.priority, language)
        except ValueError:
            log.exception("the usual queue is used")
            return queue_door(self._queue, 0, language)

    async def _enquire(self, call_id: str, conversation: _Conversation, step: Enquire) -> None:
        try:
            spoken: Spoken | None = await self._look(
                call_id, step.what, step.entered, conversation.flow.language
            )
        except Exception:
            log.exception("call %s: %s could not be looked up", call_id, step.what)
            spoken = None
        conversation.inbox.put_nowait(Answered(spoken))

    async def _renew(self, call_id: str, conversation: _Conversation) -> None:
        """Leave the application and come back: the dialplan sets its watchdog anew."""
        if conversation.since_entry_s < self._renew_after_s:
            return
        conversation.renewed.clear()
        conversation.renewing = True
        await self._ari.continue_to(call_id, MENU_CONTEXT)
        try:
            async with asyncio.timeout(RENEW_BUDGET_S):
                await conversation.renewed.wait()
        except TimeoutError as late:
            raise CallGone(f"{call_id} did not come back") from late
        conversation.entered()

    async def _silence(self, conversation: _Conversation) -> None:
        """Asterisk would finish the announcement before it let the call go on."""
        if conversation.playback:
            playback, conversation.playback = conversation.playback, ""
            await self._ari.stop(playback)


class _Conversation:
    """One call inside: its flow, what happened and is not read yet, and its task."""

    task: asyncio.Task[None]

    def __init__(self, flow: Flow) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._entered = self._loop.time()
        self.flow = flow
        self.inbox: asyncio.Queue[Happening] = asyncio.Queue()
        self.playback = ""
        self.deadline = self._began + LONGEST_PLAYBACK_S
        self.renewed = asyncio.Event()
        self.renewing = False
        self.looking: asyncio.Future[None] = self._loop.create_future()

    @property
    def age_s(self) -> float:
        """Seconds since the call came in."""
        return self._loop.time() - self._began

    @property
    def since_entry_s(self) -> float:
        """Seconds since the dialplan's watchdog was set."""
        return self._loop.time() - self._entered

    def entered(self) -> None:
        """The watchdog was set just now."""
        self._entered = self._loop.time()

    def wait(self, seconds: float) -> None:
        """The next happening is waited for this long."""
        self.deadline = self._loop.time() + seconds
