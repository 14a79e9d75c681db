"""Asterisk meets the database: events in, services called, queue members kept in step.

The one file that imports the telephony library's clients. Everything here may die at any moment:
Asterisk then goes on by its dialplan, and `recover_calls` writes down what was missed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from server.calls import (
    agents,
    dialling,
    enquiries,
    listeners,
    menu,
    queueing,
    recovering,
    services,
    sites,
    sounding,
    speaking,
    voicemail,
)
from server.calls.insisting import Insisting
from server.calls.models import Call
from server.calls.queueing import callbacks, seating, selectors
from server.calls.queueing.models import GENERAL
from server.calls.services import Ring
from server.events.reading import Mark, after, end
from server.events.services import beat
from server.ivr import prompts, trees
from telephony import agents as seats
from telephony.ami import events as ami_events
from telephony.ami.client import AmiActions, AmiClient, AmiError
from telephony.announcer import Announcer, Terms, turn_sentence
from telephony.ari.client import AriCalls, AriClient
from telephony.incoming import Decision, IncomingCall, IncomingCalls, LeftFlow, Spoken
from telephony.order import Waiter
from telephony.prompts import Speech
from telephony.queues import QueueError, write_queues
from telephony.router import Router, Seat
from telephony.sentences import Language
from telephony.sites import Sites

log = logging.getLogger("standpipe.telephony")
# From here on the screens show the past, and /health says so.
LATE_S = 5.0
# So many events are stored in one turn of the storing thread.
AT_ONCE = 20
# Nobody listens where Asterisk was: after this its calls are over. Its supervisor needs less.
DEAD_AFTER = timedelta(seconds=10)
# Asterisk tells when a call began by its own clock.
CLOCKS_DIFFER = timedelta(seconds=3)


# What Asterisk said, with the moment; None ends it.
Backlog = asyncio.Queue[tuple[datetime, ami_events.AmiEvent] | None]


class Switchboard:
    """Runs until cancelled. `ari` and `ami` are the library's clients, or its fakes in tests.

    Of several sites `ari` is one client for each and `ami` their `telephony.sites.Sites`.
    """

    def __init__(
        self, ari: AriCalls | Sequence[AriCalls], ami: AmiActions, speech: Speech,
        *, language: str = "en",
    ) -> None:  # fmt: skip
        # For wishes: whoever is asked through an event acts by this connection.
        self.ami = ami
        self._language: Language = "zh" if language.startswith("zh") else "en"
        # A pool, so that one slow lookup does not hold up the next caller's verdict.
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="calls")
        # One thread for what must stay in the order Asterisk told it.
        self._order = ThreadPoolExecutor(1, thread_name_prefix="ami")
        aris: Sequence[AriCalls] = ari if isinstance(ari, Sequence) else (ari,)
        self._incoming = [
            IncomingCalls(
                one, self._decide, speech, language=self._language, left=self._left,
                look=self._look,
            )
            for one in aris
        ]  # fmt: skip
        self._insist = Insisting()
        # site -> since when nobody listens there
        self._dead: dict[str, datetime] = {}
        self._backlog: Backlog = asyncio.Queue()
        self._storing_since = datetime.now(UTC)
        # How many events the storing thread has in this turn.
        self._in_hand = 0
        self.router = Router(ami)
        self._announcer = Announcer(ami, speech, time.time)
        self._terms: dict[str, Terms] = {}
        self._mark: Mark | None = None

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for incoming in self._incoming:
                    group.create_task(incoming.run())
                group.create_task(self._listen())
                group.create_task(self._follow_wishes())
                group.create_task(self._keep_order())
                group.create_task(self._look_after_waiting())
                group.create_task(self._tidy())
        finally:
            self._insist.stop()

    async def _in(
        self, pool: ThreadPoolExecutor, work: Callable[..., Any], *args: Any, **kw: Any
    ) -> Any:
        def job() -> Any:
            close_old_connections()
            return work(*args, **kw)

        return await asyncio.get_running_loop().run_in_executor(pool, job)

    async def _decide(self, call: IncomingCall) -> Decision:
        ring = Ring(
            call_id=call.call_id, number=call.caller.number, name=call.caller.name,
            called=call.dialled, at=call.arrived_at,
        )  # fmt: skip
        # Late it is of no use to this caller any more, but the call stands in the table.
        known: Call = await self._in(
            self._pool, self._insist, call.received_at, services.rang, ring
        )
        decided: Decision = await self._in(self._pool, self._greeted, known)
        return decided

    def _greeted(self, call: Call) -> Decision:
        menu.entered(call.call_id)
        return self.decision(call)

    def decision(self, call: Call) -> Decision:
        """What the caller hears first, by which tree, and where they stand in the queue."""
        now = timezone.localtime()
        language = speaking.language_of(call.account, self._language)
        told = speaking.greeting(call, language, now)
        place = queueing.place(call)
        return Decision(
            announce=told.says, options=told.options, queue=place.queue, priority=place.priority,
            tree=trees.in_force(), language=language, now=now, number_known=bool(call.phone),
        )  # fmt: skip

    async def _look(
        self, call_id: str, what: str, entered: Mapping[str, str], language: Language
    ) -> Spoken:
        found: Spoken = await self._in(
            self._pool, enquiries.look_up, call_id, what, entered, language
        )
        return found

    async def _left(self, left: LeftFlow) -> None:
        await self._in(self._order, self._insist, datetime.now(UTC), menu.left, left)

    async def _listen(self) -> None:
        """The queues follow at once; what is stored follows behind, in the same order."""
        backlog: Backlog = asyncio.Queue()
        self._backlog = backlog
        storing = asyncio.create_task(self._store(backlog))
        try:
            async for event in self.ami.events():
                if isinstance(event, ami_events.Connected):
                    await self.set_up_queues()
                else:
                    await self.router.take(event)
                    await self._announcer.take(event)
                if listeners.concerns(event):
                    backlog.put_nowait((datetime.now(UTC), event))
            backlog.put_nowait(None)
            await storing
        finally:
            storing.cancel()

    async def _store(self, backlog: Backlog) -> None:
        going_on = True
        while going_on:
            told = [await backlog.get()]
            while len(told) < AT_ONCE and not backlog.empty():
                told.append(backlog.get_nowait())
            going_on = told[-1] is not None
            await self._keep([one for one in told if one is not None])

    async def _keep(self, told: list[tuple[datetime, ami_events.AmiEvent]]) -> None:
        """Store these in their order: each turn of the storing thread costs more than an event."""
        # Together what only listeners hear, each for itself what more follows from.
        for _key, some in itertools.groupby(
            enumerate(told), lambda one: one[0] if _acts(one[1][1]) else None
        ):
            turn = [one for _n, one in some]
            at, first = turn[0]
            self._storing_since, self._in_hand = at, len(turn)
            try:
                if _acts(first):
                    await self._take(first, at)
                else:
                    await self._in(self._order, _tell_all, turn, self._insist)
            except Exception:
                # What cannot be stored must not deafen us; the call log has it too.
                log.exception("could not take %s", type(first).__name__)
        self._in_hand = 0

    @property
    def lag_s(self) -> float:
        """How old the event is that is being stored, in seconds; 0 when none waits."""
        if self._backlog.empty() and self._in_hand <= 1:
            return 0.0
        return (datetime.now(UTC) - self._storing_since).total_seconds()

    async def _take(self, event: ami_events.AmiEvent, at: datetime | None = None) -> None:
        """`at`: when Asterisk said it. What is stored late still happened then."""
        match event:
            case ami_events.Connected(site=site):
                self._dead.pop(site, None)
                await self._catch_up()
            case ami_events.Disconnected(refused=True, site=site):
                await self._bury(site)
            case ami_events.PhoneReachable(agent=agent, moved=True, site=site):
                await self._in(self._order, services.moved, agent, site)
            case _:
                pass
        await self._in(self._order, listeners.tell, event, at or datetime.now(UTC), self._insist)

    async def _bury(self, site: str) -> None:
        """Asterisk is dead, not out of reach: its talks are over, and nobody will say so."""
        now = timezone.now()
        since = self._dead.setdefault(site, now)
        if now - since >= DEAD_AFTER:
            lost = await self._in(
                self._order, services.end_absent, set(), began_before=since, site=site
            )
            if lost:
                log.warning("%s calls went with the exchange %s", lost, site)

    async def set_up_queues(self) -> None:
        """Asterisk's queues as the table has them, and everybody in theirs.

        After Asterisk or we were away, and whenever the table has changed.
        """
        try:
            changed = await self._in(self._pool, _write_queues)
            if changed:
                await self.ami.action("QueueReload", Parameters="yes", Rules="yes", Members="no")
            self.router.overflow = await self._in(self._pool, seating.overflow_rules)
            self._terms = await self._in(self._pool, seating.announcements)
            await self.router.resync(await self._in(self._pool, seating.all_seats))
        except (AmiError, DatabaseError, OSError, QueueError) as error:
            log.warning("the queues could not be set up: %s", error)

    async def seat(self, extension: str, name: str, state: str, reason: str) -> None:
        """Bring an agent's place in the queues in line with what the agent is doing."""
        try:
            wanted = await self._in(self._pool, _seat_of, extension, state, reason)
            if wanted is None:
                await self.router.unseat(extension)
            else:
                await self.router.seat(extension, wanted)
        except (AmiError, ValueError) as error:
            log.warning("queue member %s (%s): %s", extension, name, error)

    async def _keep_order(self) -> None:
        """Phones become free again by the clock alone."""
        while True:
            await asyncio.sleep(0.3)
            await self.router.settle()

    async def _look_after_waiting(self) -> None:
        """Callers hear where they stand; who hung up to be called back is rung in their turn."""
        while True:
            await asyncio.sleep(1)
            try:
                due = self._announcer.due(self.router.waiting, self._terms_of)
                for waiter in due:
                    await self._tell_turn(waiter)
                staffed = {q: self.router.staffed(q) for q in self._terms}
                await self._in(
                    self._pool, callbacks.turn, self.router.waiting, staffed,
                    hello=callbacks.hello(self._language),
                )  # fmt: skip
            except DatabaseError as error:
                log.warning("those who wait have to wait: %s", error)
            except Exception:
                log.exception("looking after those who wait")

    def _terms_of(self, queue: str) -> Terms:
        return self._terms.get(queue, Terms())

    async def _tell_turn(self, waiter: Waiter) -> None:
        handling, language = await self._in(self._pool, _waiting_facts, waiter, self._language)
        stands = self.router.wait_of(waiter.call_id, handling)
        if stands is not None:
            terms = self._terms_of(waiter.queue)
            say = turn_sentence(
                language, position=stands[0], wait_s=stands[1], call_back=terms.call_back
            )
            await self._announcer.say(waiter, say, terms)

    async def _follow_wishes(self) -> None:
        while True:
            try:
                if self._mark is None:
                    self._mark = await self._in(self._order, end)
                for row in await self._in(self._order, after, self._mark):
                    self._mark = row.mark
                    if (wish := listeners.WISHES.get(row.name)) is not None:
                        await self._grant(wish, row.name, row.payload)
            except DatabaseError as error:
                log.warning("wishes cannot be read just now: %s", error)
                await asyncio.sleep(1)
            await asyncio.sleep(0.2)

    async def _grant(self, wish: listeners.Wish, name: str, payload: dict[str, Any]) -> None:
        try:
            await wish(self, payload)
        except DatabaseError:
            raise
        except Exception:
            # One wish that cannot be granted must not keep the next one waiting.
            log.exception("%s could not be done", name)

    async def _catch_up(self) -> None:
        """What was missed: ask who is there, then read Asterisk's files.

        In this order: a call leaves the list only after its end stands in the file, so one that is
        in neither went with a killed Asterisk and must not look as if it still waited.
        """
        asked_at = timezone.now()
        held: dict[str, set[str]] = {}
        managers = self.managers()
        for site, manager in managers.items():
            try:
                held[site] = await seats.calls_present(manager)
            except AmiError as error:
                log.warning("Asterisk does not say which calls it holds: %s", error)
        await self._in(self._order, recovering.recover_calls)
        await self._in(self._order, recovering.recover_dials)
        before = asked_at - CLOCKS_DIFFER
        lost = 0
        for site, present in held.items():
            lost += await self._in(
                self._order, services.end_absent, present, began_before=before, site=site
            )
        if len(held) == len(managers):
            everywhere = set().union(*held.values())
            lost += await self._in(
                self._order, dialling.end_absent, everywhere, began_before=before
            )
        if lost:
            log.warning("%s calls had ended without a word", lost)

    def managers(self) -> Mapping[str, AmiActions]:
        """Those that can be asked, by site; '' is the only one."""
        if isinstance(self.ami, Sites):
            return {code: self.ami.at(code) for code in self.ami.codes}
        return {"": self.ami}

    async def in_order(self, work: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        """Run in the one thread that keeps Asterisk's order."""
        return await self._in(self._order, work, *args, **kw)

    async def _swept(self, sweep: listeners.Sweep) -> None:
        try:
            await sweep(self)
        except (DatabaseError, OSError):
            raise
        except Exception:
            # One sweep that fails must not keep calls from being caught up with.
            log.exception("%s failed", sweep.__qualname__)

    def _condition(self) -> dict[str, Any]:
        """What /health tells of us: callers in the menu, how late we are, what is wrong."""
        lag = round(self.lag_s, 1)
        alarms = [f"calls are shown {lag:g} s late"] if lag > LATE_S else []
        if isinstance(self.ami, Sites):
            gone = [code for code in self.ami.codes if code not in self.ami.up]
            alarms += [f"the exchange {code} does not answer" for code in gone]
        return {
            "inside": self._inside(), "lag_s": lag, "waiting": self._backlog.qsize(),
            "alarms": alarms,
        }  # fmt: skip

    def _inside(self) -> int:
        """Callers in the conversation before the queue, at all sites."""
        return sum(len(incoming.inside) for incoming in self._incoming)

    async def _tidy(self) -> None:
        n = 0
        while True:
            try:
                await self._in(self._order, beat, "telephony", **self._condition())
                await self._in(self._order, agents.end_wrap_ups)
                for sweep in listeners.SWEEPS:
                    await self._swept(sweep)
                if n % 15 == 14:
                    await self._catch_up()
                    await self._in(self._order, services.close_lost)
                    await self._in(self._order, prompts.lay_out)
                    await self._in(
                        self._order, voicemail.keep_room, Path(settings.STANDPIPE["RECORDINGS"])
                    )
            except (DatabaseError, OSError) as error:
                log.warning("tidying up has to wait: %s", error)
            n += 1
            await asyncio.sleep(2)


def _acts(event: ami_events.AmiEvent) -> bool:
    """Whether more follows from it than what listeners store."""
    return isinstance(event, ami_events.Connected | ami_events.Disconnected) or (
        isinstance(event, ami_events.PhoneReachable) and event.moved
    )


def _tell_all(told: list[tuple[datetime, ami_events.AmiEvent]], insist: Insisting) -> None:
    for at, event in told:
        listeners.tell(event, at, insist)


def _write_queues() -> bool:
    wanted = seating.exchange_settings()
    folders = [site.log.parent / "own" for site in sites.known()]
    changed = [write_queues(folder, wanted, GENERAL) for folder in folders]
    return any(changed)


def _waiting_facts(waiter: Waiter, usual: Language) -> tuple[float, Language]:
    """How long a call of this queue takes, and the caller's language."""
    call = Call.objects.select_related("account").filter(call_id=waiter.call_id).first()
    language = speaking.language_of(call.account, usual) if call is not None else usual
    return selectors.handling_s(waiter.queue, timezone.now()), language


def _seat_of(extension: str, state: str, reason: str) -> Seat | None:
    user = agents.by_extension(extension)
    return seating.seat(user, state, reason) if user is not None else None


def clients() -> tuple[list[AriClient], AmiClient | Sites, Speech]:
    """The real clients of the settings; of several sites one for each."""
    ari, ami = settings.STANDPIPE["ARI"], settings.STANDPIPE["AMI"]
    known = sites.known()
    managers = {
        site.code: AmiClient(*site.ami, ami["user"], ami["password"]) for site in known
    }  # fmt: skip
    return (
        [AriClient(site.ari_url, ari["user"], ari["password"], "standpipe") for site in known],
        managers[known[0].code] if len(known) == 1 else Sites(managers),
        sounding.speech(),
    )
