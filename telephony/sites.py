"""Several sites' managers as one: what concerns the queue is said to all, events come from all.

An agent is at the site where the telephone registered last. In the queues of the other sites the
same agent stands as `PJSIP/<extension>@site-<code>`, with a state that is told from here; who takes
a call at one site is therefore not offered another at the next. Without this process the sites go
on: a telephone that is in use is busy for whoever rings it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from telephony.ami.client import AmiActions, AmiError
from telephony.ami.events import (
    AgentNoAnswer,
    AmiEvent,
    Connected,
    Disconnected,
    MemberChanged,
    Other,
    PhoneReachable,
    agent_of,
)
from telephony.ami.parser import FieldValue, Message
from telephony.sip import site_endpoint

log = logging.getLogger(__name__)
# Actions about queues and their members are said everywhere.
_EVERYWHERE = {"QueueAdd", "QueueRemove", "QueuePause", "QueuePenalty", "QueueReload"}
_MEMBERS = _EVERYWHERE - {"QueueReload"}


class Sites:
    """Behaves as one manager (`AmiActions`). `managers` are by site code, in the queue's order."""

    def __init__(self, managers: Mapping[str, AmiActions]) -> None:
        if not managers:
            raise ValueError("managers: there is no site")
        self._managers = dict(managers)
        self._up: set[str] = set()
        # extension -> site of the telephone
        self._homes: dict[str, str] = {}
        # (site, extension) -> Asterisk's word for what the telephone is doing
        self._states: dict[tuple[str, str], str] = {}
        # (queue, extension) -> how the agent was put into it, to do the same again after a move
        self._seats: dict[tuple[str, str], dict[str, FieldValue]] = {}
        self._events: asyncio.Queue[AmiEvent] = asyncio.Queue()
        self._readers: list[asyncio.Task[None]] = []

    @property
    def codes(self) -> tuple[str, ...]:
        """All sites, in the queue's order."""
        return tuple(self._managers)

    @property
    def up(self) -> tuple[str, ...]:
        """Sites whose manager answers now, in the queue's order."""
        return tuple(code for code in self._managers if code in self._up)

    def at(self, site: str) -> AmiActions:
        """One site's manager; of an empty code the first one. Raises AmiError for an unknown."""
        code = site or self.codes[0]
        if code not in self._managers:
            raise AmiError(f"there is no site {code!r}")
        return self._managers[code]

    def home_of(self, extension: str) -> str:
        """The site that the telephone registered with last, the first one until it is known."""
        return self._homes.get(extension, self.codes[0])

    async def connect(self) -> None:
        """Return once one site has let us in; the others are tried on in the background."""
        if not self._readers:
            self._readers = [
                asyncio.create_task(self._read(code, manager))
                for code, manager in self._managers.items()
            ]
        tries = [asyncio.create_task(m.connect()) for m in self._managers.values()]
        done, late = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        self._readers += late
        for task in done:
            task.result()

    async def close(self) -> None:
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._readers = []
        for manager in self._managers.values():
            await manager.close()

    async def events(self) -> AsyncIterator[AmiEvent]:
        while True:
            yield await self._events.get()

    async def action(self, name: str, **fields: FieldValue) -> Message:
        """Queue actions at every site that answers, others at the first. Raises AmiError.

        An action about a member succeeds when one site took it; a site that is dying meanwhile
        hears it again when it is back.
        """
        if name not in _EVERYWHERE:
            return await self._first().action(name, **fields)
        self._remember(name, fields)
        answer: Message | None = None
        refused: AmiError | None = None
        for code in self.up or self.codes[:1]:
            try:
                said = await self._member_action(code, name, dict(fields))
                answer = answer or said
            except AmiError as error:
                refused = refused or error
        if answer is None:
            raise refused or AmiError(f"{name}: no site answers")
        return answer

    async def actions_list(self, name: str, **fields: FieldValue) -> list[Message]:
        """A list of the site that keeps the queue now; others are asked by `at`."""
        return await self._first().actions_list(name, **fields)

    def _remember(self, name: str, fields: Mapping[str, FieldValue]) -> None:
        if "Interface" not in fields:
            return
        extension = agent_of(str(fields["Interface"]))
        queue = str(fields.get("Queue", ""))
        if name == "QueueAdd":
            self._seats[queue, extension] = dict(fields)
        for (where, who), seat in list(self._seats.items()):
            if who != extension or queue not in ("", where):
                continue
            if name == "QueueRemove":
                del self._seats[where, who]
            elif name in ("QueuePause", "QueuePenalty"):
                changed = ("Paused", "Reason", "Penalty")
                seat |= {key: fields[key] for key in changed if key in fields}

    async def _move(self, extension: str) -> None:
        """The agent's telephone is at another site now: so is the place in every queue."""
        for (_, who), seat in list(self._seats.items()):
            if who == extension:
                try:
                    await self.action("QueueAdd", **seat)
                except AmiError as refused:
                    if "Already there" not in str(refused):
                        log.warning("agent %s could not be moved: %s", extension, refused)

    async def _seat_again(self, site: str) -> None:
        """A site that was away has its members from before; they may have moved meanwhile."""
        for fields in list(self._seats.values()):
            try:
                await self._member_action(site, "QueueAdd", dict(fields))
            except AmiError as refused:
                if "Already there" in str(refused):
                    await self._bring_in_line(site, fields)
                else:
                    log.warning("site %s: %s", site, refused)
        for extension, home in list(self._homes.items()):
            if home != site:
                await self._tell_state(site, extension)

    async def _bring_in_line(self, site: str, seat: dict[str, FieldValue]) -> None:
        named = ("Queue", "Interface")
        where: dict[str, FieldValue] = {key: seat[key] for key in named if key in seat}
        with contextlib.suppress(AmiError):
            if "Penalty" in seat:
                await self._member_action(
                    site, "QueuePenalty", {**where, "Penalty": seat["Penalty"]}
                )
            await self._member_action(
                site, "QueuePause",
                {**where, "Paused": seat.get("Paused", False), "Reason": seat.get("Reason", "")},
            )  # fmt: skip

    def _first(self) -> AmiActions:
        return self._managers[self.up[0] if self._up else self.codes[0]]

    def _interface(self, site: str, extension: str) -> tuple[str, str]:
        """How `site` rings this extension, and where it reads whether it is free."""
        home = self.home_of(extension)
        if home == site:
            return f"PJSIP/{extension}", f"PJSIP/{extension}"
        return f"PJSIP/{extension}@{site_endpoint(home)}", f"Custom:away{extension}"

    async def _member_action(self, site: str, name: str, fields: dict[str, FieldValue]) -> Message:
        manager = self._managers[site]
        if name not in _MEMBERS or "Interface" not in fields:
            return await manager.action(name, **fields)
        extension = agent_of(str(fields["Interface"]))
        fields["Interface"], state = self._interface(site, extension)
        if name == "QueueAdd":
            fields["StateInterface"] = state
            await self._forget_other_places(site, extension, str(fields.get("Queue", "")))
            if state.startswith("Custom:"):
                await self._tell_state(site, extension)
        return await manager.action(name, **fields)

    async def _forget_other_places(self, site: str, extension: str, queue: str) -> None:
        """A moved agent must not stand in a queue twice."""
        right, _ = self._interface(site, extension)
        places = [f"PJSIP/{extension}"]
        places += [f"PJSIP/{extension}@{site_endpoint(code)}" for code in self.codes]
        for place in places:
            if place != right and place != f"PJSIP/{extension}@{site_endpoint(site)}":
                with contextlib.suppress(AmiError):
                    await self._managers[site].action("QueueRemove", Queue=queue, Interface=place)

    async def _tell_state(self, site: str, extension: str) -> None:
        home = self.home_of(extension)
        known = self._states.get((home, extension), "NOT_INUSE")
        state = known if home in self._up else "UNAVAILABLE"
        try:
            await self._managers[site].action(
                "Setvar", Variable=f"DEVICE_STATE(Custom:away{extension})", Value=state
            )
        except AmiError as error:
            # Told again when the site is back; until then it finds the telephone busy by ringing.
            log.info("site %s was not told of %s: %s", site, extension, error)

    async def _read(self, site: str, manager: AmiActions) -> None:
        async for event in manager.events():
            try:
                told = await self._followed(site, event)
            except AmiError as error:
                log.warning("site %s: %s", site, error)
                told = event
            if told is not None:
                self._events.put_nowait(told)

    async def _followed(self, site: str, event: AmiEvent) -> AmiEvent | None:
        match event:
            case Connected():
                self._up.add(site)
                await self._look_at_phones(site)
                await self._tell_others(site)
                await self._seat_again(site)
                return replace(event, site=site)
            case Disconnected():
                was_up = site in self._up
                self._up.discard(site)
                if was_up:
                    await self._tell_others(site)
                return replace(event, site=site)
            case PhoneReachable(agent=agent) if not agent.isdecimal():
                return None  # a line to another site
            case PhoneReachable(agent=agent, reachable=True):
                # Told once for each new registration, not when one is renewed.
                moved = self._homes.get(agent, self.codes[0]) != site
                self._homes[agent] = site
                await self._tell_away(site, agent)
                if moved:
                    await self._move(agent)
                return replace(event, site=site, moved=moved)
            case PhoneReachable(agent=agent, reachable=False) if self.home_of(agent) != site:
                return None  # the telephone that was left behind
            case PhoneReachable():
                return replace(event, site=site)
            case MemberChanged() if self._up and site != self.up[0]:
                return None  # who keeps the queue says how its members are
            case AgentNoAnswer(agent=agent) if site not in (*self.up[:1], self.home_of(agent)):
                # Rung over a line that was down: the telephone never rang.
                for (_, who), seat in list(self._seats.items()):
                    if who == agent:
                        await self._bring_in_line(site, seat)
                return None
            case Other(name="DeviceStateChange", message=message):
                await self._note_state(site, message)
        return event

    async def _note_state(self, site: str, message: Message) -> None:
        device, state = message.get("Device"), message.get("State")
        kind, _, extension = device.partition("/")
        if kind != "PJSIP" or not extension.isdecimal():
            return
        self._states[site, extension] = state
        if self.home_of(extension) == site:
            await self._tell_away(site, extension)

    async def _look_at_phones(self, site: str) -> None:
        """Which telephones are registered here, and what they are doing."""
        for message in await self._managers[site].actions_list("DeviceStateList"):
            kind, _, extension = message.get("Device").partition("/")
            if kind == "PJSIP" and extension.isdecimal():
                if message.get("State") not in {"UNAVAILABLE", "INVALID", "UNKNOWN"}:
                    self._homes.setdefault(extension, site)
                await self._note_state(site, message)

    async def _tell_others(self, site: str) -> None:
        for extension, home in list(self._homes.items()):
            if home == site:
                await self._tell_away(site, extension)

    async def _tell_away(self, site: str, extension: str) -> None:
        """The other sites hear what a telephone of `site` is doing."""
        for other in self.up:
            if other != site:
                await self._tell_state(other, extension)
