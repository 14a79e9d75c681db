"""Attacks on a real Asterisk: callers go on, the attacker is shut out.

    198.51.100.x in life, 127.0.0.66 here --wrong passwords, floods, rubbish--> Asterisk <-- callers
                                                                                   |
                                                        Guard <--security events---+
                                                          +--list of who is shut out--> Asterisk
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telephony.ami.events import Knocked, SignedIn
from telephony.console import shut_out
from telephony.guard import Guard
from telephony.phone import DeskPhone
from telephony.sipp import CallerError
from tests.telephony.conftest import Desk, Heard, eventually, listening

pytestmark = pytest.mark.live
THIEF = "127.0.0.66"


def request(method: str, user: str, *, sender: str = "1101", extra: str = "") -> bytes:
    mark = os.urandom(6).hex()
    return (
        f"{method} sip:{user}@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {THIEF}:5099;rport;branch=z9hG4bK{mark}\r\n"
        f"From: <sip:{sender}@{THIEF}>;tag={mark}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
        f"Call-ID: {mark}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:{sender}@{THIEF}:5099>\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def guess(extension: str) -> bytes:
    return request("REGISTER", extension, extra=(
        f'Authorization: Digest username="{extension}",realm="asterisk",nonce="{random.random()}",'
        f'uri="sip:127.0.0.1",response="{os.urandom(16).hex()}"\r\n'
    ))  # fmt: skip


class Attacker:
    """A socket at the thief's address."""

    def __init__(self, desk: Desk) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((THIEF, 0))
        self._socket.setblocking(False)
        self._to = ("127.0.0.1", desk.config.sip_port)

    def send(self, data: bytes) -> None:
        self._socket.sendto(data, self._to)

    def answers(self) -> list[str]:
        """Status lines received since the last time."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(65536).decode(errors="replace").split("\r\n")[0])
            except BlockingIOError:
                return found

    async def one(self, data: bytes) -> str:
        """The answer to one request, empty where none comes within a second."""
        self.answers()
        self.send(data)
        for _ in range(50):
            await asyncio.sleep(0.02)
            if found := self.answers():
                return found[-1]
        return ""


@asynccontextmanager
async def guarded(desk: Desk) -> AsyncIterator[tuple[Guard, Heard]]:
    """Asterisk with the guard behind it, as the telephony process runs it."""
    guard = Guard(trusted={"127.0.0.1"})
    async with listening(desk) as (_, heard):

        async def watch() -> None:
            seen = 0
            while True:
                for event in heard.events[seen:]:
                    match event:
                        case Knocked(address=address, what=what):
                            weight = 2 if what == "number" else 1
                            now = datetime.now(UTC)
                            if guard.failed(address, what, now, weight=weight) is not None:
                                await asyncio.to_thread(
                                    shut_out, desk.config.base, sorted(guard.blocks)
                                )
                        case SignedIn(address=address):
                            guard.signed_in(address)
                seen = len(heard.events)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(watch())
        try:
            yield guard, heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            shut_out(desk.config.base, [])


async def blocked(guard: Guard) -> None:
    async def known() -> bool:
        return THIEF in guard.blocks

    await eventually(known, "the attacker is shut out")


async def test_callers_get_through_a_flood_of_registrations_and_the_source_is_shut_out(
    asterisk: Desk,
) -> None:
    """More than 1,000 bad registrations a minute, while callers ring."""
    attacker = Attacker(asterisk)
    sent, flooding = 0, True

    async def flood() -> None:
        nonlocal sent
        while flooding:
            attacker.send(guess(random.choice(["1101", "1102", "9999", "admin"])))
            sent += 1
            await asyncio.sleep(0.02)

    async with guarded(asterisk) as (guard, _):
        began = asyncio.get_running_loop().time()
        task = asyncio.create_task(flood())
        try:
            outcomes = []
            for batch in range(3):
                outcomes += await asyncio.gather(*(
                    asterisk.caller().call(f"04012305{batch}{n}", seconds=0.5, audio=False)
                    for n in range(4)
                ))  # fmt: skip
            await blocked(guard)
            # a telephone of ours signs in meanwhile
            async with asterisk.phone("1102"):
                pass
        finally:
            flooding = False
            await task
        minutes = (asyncio.get_running_loop().time() - began) / 60
        shut = await attacker.one(guess("1101"))
    assert sent / minutes > 1000, f"{sent / minutes:.0f} a minute"
    assert [o.final_code for o in outcomes] == [200] * len(outcomes)
    assert shut.startswith("SIP/2.0 403")


async def test_twenty_wrong_passwords_end_in_a_closed_door_and_the_right_one_opens_nothing(
    asterisk: Desk,
) -> None:
    attacker = Attacker(asterisk)
    async with guarded(asterisk) as (guard, _):
        answers = [await attacker.one(guess("1101")) for _ in range(20)]
        await blocked(guard)
        assert not [a for a in answers if a.startswith("SIP/2.0 200")]
        right = DeskPhone(
            "127.0.0.1", asterisk.config.sip_port, "1101", "desk-one", local_host=THIEF
        )
        with pytest.raises(CallerError, match="refused"):
            await right.start()
        await right.stop()
        # the desk itself still signs in
        async with asterisk.phone("1101"):
            pass
    assert guard.blocks[THIEF].what == "password"


RUBBISH = [
    b"INVITE",
    b"INVITE sip:965113@127.0.0.1 SIP/2.0\r\n\r\n",
    b"INVITE sip:965113@127.0.0.1 SIP/2.0\r\nVia: \xff\xfe\r\nContent-Length: -1\r\n\r\n",
    b"INVITE " + b"A" * 4000 + b" SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n\r\n",
    request("INVITE", "965113", extra="Content-Length: 999999999\r\n"),
    request("INVITE", "965113", sender="${SHELL(id)}"),
    request("INVITE", "965113", extra="Content-Type: application/sdp\r\n")[:-4] + b"\r\nv=0\r\n\0",
    request("INVITE", "965113").replace(b"CSeq: 1", b"CSeq: 99999999999999999999"),
    request("INVITE", "965113").replace(b"SIP/2.0\r\n", b"SIP/9.9\r\n", 1),
    os.urandom(1400),
    b"\r\n" * 700,
]


async def test_malformed_requests_hurt_nobody(asterisk: Desk) -> None:
    attacker = Attacker(asterisk)
    async with guarded(asterisk):
        for _ in range(3):
            for data in RUBBISH:
                attacker.send(data)
        outcome = await asterisk.caller().call("0401230560", seconds=0.5, audio=False)
        assert outcome.final_code == 200
    assert asterisk.process is not None and asterisk.process.poll() is None


@pytest.mark.parametrize("user", ["00881234567890", "+8812345678901", "0900123456", "965113"])
async def test_a_stranger_calls_nobody_through_us(asterisk: Desk, user: str) -> None:
    attacker = Attacker(asterisk)
    for sender in ("1101", "anonymous", "trunk", "site-north"):
        answer = await attacker.one(request("INVITE", user, sender=sender))
        assert answer.startswith("SIP/2.0 401"), (user, sender, answer)


async def test_the_inner_doors_do_not_listen_outside(asterisk: Desk) -> None:
    """Manager and application interface are bound to the loopback address and nothing else."""
    c = asterisk.config
    ports = {c.ami_port, c.ari_port}
    listening_at = set()
    for family in ("tcp", "tcp6"):
        table = Path(f"/proc/net/{family}").read_text(encoding="ascii").splitlines()[1:]
        for row in table:
            local, state = row.split()[1], row.split()[3]
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) in ports:
                listening_at.add(address)
    assert listening_at == {"0100007F"}
