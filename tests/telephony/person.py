"""A person at a telephone, in Python: SIP by UDP and sound by RTP, who hums a tone and listens.

Unlike SIPp's, this telephone knows what its ear hears: `hears` looks for the tones of the others
in what arrived during the last second. It follows re-INVITEs, and answers by itself, never, or is
busy.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import struct
import time
from collections import deque
from typing import Any, Self

import numpy as np

from telephony.tones import EVENT_TYPE, tone_ulaw

PACKET = 160
_ULAW = np.zeros(256)
for _byte in range(256):
    _u = ~_byte & 0xFF
    _m = ((_u & 0x0F) << 3) + 0x84 << ((_u & 0x70) >> 4)
    _ULAW[_byte] = (0x84 - _m) if _u & 0x80 else (_m - 0x84)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, take: Any) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._take(data)


def _headers(text: str) -> tuple[str, dict[str, str], list[str], str]:
    head, _, body = text.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    found: dict[str, str] = {}
    vias = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() in ("via", "v"):
            vias.append(line)
        found.setdefault(name.strip().lower(), value.strip())
    return first, found, vias, body


class Person:
    """One telephone. `answer`: "auto", "never" or "busy". Use as a context manager."""

    def __init__(
        self, sip_port: int, extension: str, password: str = "", *, tone_hz: int,
        answer: str = "auto", ring_s: float = 0.2, trunk_secret: str = "",
    ) -> None:  # fmt: skip
        self._remote = ("127.0.0.1", sip_port)
        self.extension, self._password = extension, password
        self.tone_hz, self.answer, self._ring_s = tone_hz, answer, ring_s
        self._secret = trunk_secret
        self.invites: list[dict[str, str]] = []
        self.in_call = False
        self.ended_calls = 0
        self.refused = 0
        self._dialog: dict[str, Any] = {}
        self._heard: deque[tuple[float, bytes]] = deque(maxlen=500)
        self._keys: list[str] = []
        self._waiting: dict[str, asyncio.Future[tuple[int, dict[str, str]]]] = {}
        self._tag = f"{random.getrandbits(40):x}"
        self._cseq = 1
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sending = True
        self._forgotten_at = 0.0

    # --- life

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(
            lambda: _Udp(self._sip_in), local_addr=("127.0.0.1", 0)
        )
        self._rtp, _ = await loop.create_datagram_endpoint(
            lambda: _Udp(self._rtp_in), local_addr=("127.0.0.1", 0)
        )
        self._port = self._sip.get_extra_info("sockname")[1]
        self._rtp_port = self._rtp.get_extra_info("sockname")[1]
        self._spawn(self._hum())
        if self._password:
            await self.register()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.in_call:
            await self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._password:
            await self.register(0)
        self._sip.close()
        self._rtp.close()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what a person does

    async def register(self, expires: int = 300) -> None:
        domain = f"127.0.0.1:{self._remote[1]}"
        uri = f"sip:{domain}"
        me = f"<sip:{self.extension}@{domain}>"
        extra = f"Contact: <sip:{self.extension}@127.0.0.1:{self._port}>\r\nExpires: {expires}\r\n"
        call_id = f"reg-{random.getrandbits(60):x}"
        code, said = await self._request("REGISTER", uri, me, me, call_id, extra)
        if code == 401:
            code, _ = await self._request(
                "REGISTER", uri, me, me, call_id, extra + self._digest(said, "REGISTER", uri)
            )
        assert code == 200, f"{self.extension} could not register: {code}"

    async def call(self, to: str, number: str) -> None:
        """Call as the public network does; returns when answered."""
        domain = f"127.0.0.1:{self._remote[1]}"
        uri = f"sip:{to}@{domain}"
        mine = f"<sip:{number}@127.0.0.1:{self._port}>"
        extra = (
            f"Contact: <sip:{number}@127.0.0.1:{self._port}>\r\nX-SP-Trunk: {self._secret}\r\n"
            f"P-Asserted-Identity: {mine}\r\n"
        )
        call_id = f"call-{random.getrandbits(60):x}"
        self._dialog = {"call_id": call_id, "local": f"{mine};tag={self._tag}", "target": uri}
        code, said = await self._request(
            "INVITE", uri, mine, f"<{uri}>", call_id, extra, self._sdp(), wait_s=25
        )
        assert code == 200, f"the call was refused: {code}"
        self._dialog |= {"remote": said["to"], "target": _uri(said["contact"])}
        self._media(said["body"])
        self._send_ack(call_id, self._cseq)
        self.in_call = True

    async def hang_up(self, headers: str = "") -> None:
        d = self._dialog
        self.in_call = False
        await self._request(
            "BYE", d["target"], d["local"], d["remote"], d["call_id"], headers, tagged=True
        )

    def vanish(self) -> None:
        """A closed browser, a cut cable: no word, no sound, no answer."""
        self._sending = False
        self.answer = "dead"

    def press(self, keys: str) -> None:
        self._keys.extend(keys)

    def hears(self, *candidates: int, seconds: float = 0.6) -> set[int] | None:
        """Which of the tones arrive just now; None while too little has arrived to say.

        `forget` what came before to ask about what comes from now on.
        """
        since = time.monotonic() - seconds
        sound = b"".join(data for at, data in list(self._heard) if at >= since)
        if len(sound) < 8000 * seconds * 0.7:
            return None if self._forgotten_at > since else set()
        samples = _ULAW[np.frombuffer(sound, dtype=np.uint8)]
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        frequencies = np.fft.rfftfreq(len(samples), 1 / 8000)
        limit = max(float(spectrum.max()) / 20, 3e4)
        return {
            hz for hz in candidates if float(spectrum[np.abs(frequencies - hz) < 8].max()) > limit
        }

    def forget(self) -> None:
        self._heard.clear()
        self._forgotten_at = time.monotonic()

    def loudness(self, seconds: float = 0.8) -> float:
        """Root mean square of what arrived, of 32,768."""
        since = time.monotonic() - seconds
        sound = b"".join(data for at, data in list(self._heard) if at >= since)
        if not sound:
            return 0.0
        return float(np.sqrt(np.mean(_ULAW[np.frombuffer(sound, dtype=np.uint8)] ** 2)))

    # --- SIP

    async def _request(
        self, method: str, uri: str, sender: str, to: str, call_id: str, extra: str = "",
        body: str = "", *, tagged: bool = False, wait_s: float = 6.0,
    ) -> tuple[int, dict[str, str]]:  # fmt: skip
        self._cseq += 1
        key = f"{call_id} {self._cseq} {method}"
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if ";tag=" not in sender and not tagged:
            sender = f"{sender};tag={self._tag}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self._port};rport;"
            f"branch=z9hG4bK{random.getrandbits(60):x}\r\nFrom: {sender}\r\nTo: {to}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {self._cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._sip.sendto(text.encode(), self._remote)
        try:
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            return 408, {}
        finally:
            self._waiting.pop(key, None)

    def _digest(self, said: dict[str, str], method: str, uri: str) -> str:
        asked = said["www-authenticate"]
        realm, nonce = (re.search(rf'{k}="([^"]*)"', asked)[1] for k in ("realm", "nonce"))  # type: ignore[index]
        opaque = re.search(r'opaque="([^"]*)"', asked)

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        one = md5(f"{self.extension}:{realm}:{self._password}")
        two = md5(f"{method}:{uri}")
        answer = md5(f"{one}:{nonce}:00000001:abc:auth:{two}")
        return (
            f'Authorization: Digest username="{self.extension}",realm="{realm}",nonce="{nonce}",'
            f'uri="{uri}",response="{answer}",algorithm=MD5,qop=auth,nc=00000001,cnonce="abc"'
            + (f',opaque="{opaque[1]}"' if opaque else "") + "\r\n"
        )  # fmt: skip

    def _sip_in(self, data: bytes) -> None:
        text = data.decode("utf-8", errors="replace")
        first, found, vias, body = _headers(text)
        if self.answer == "dead" or not found:
            return
        if first.startswith("SIP/2.0"):
            self._response(first, found, body)
            return
        method = first.split()[0]
        if method == "INVITE":
            self._invited(found, vias, body)
        elif method == "ACK":
            pass
        else:
            self._reply(200, "OK", found, vias)
            if method == "BYE":
                self.in_call = False
                self.ended_calls += 1
            elif method == "CANCEL":
                self._reply(487, "Request Terminated", self._dialog["invite"],
                            self._dialog["vias"], cseq=self._dialog["invite"]["cseq"])  # fmt: skip
                self._dialog.pop("pending", None)

    def _response(self, first: str, found: dict[str, str], body: str) -> None:
        code = int(first.split()[1])
        cseq = found.get("cseq", "0 ?").split()
        key = f"{found.get('call-id')} {cseq[0]} {cseq[1]}"
        if code >= 200 and (future := self._waiting.get(key)) is not None and not future.done():
            if cseq[1] == "INVITE" and code >= 300:
                self._send_ack(found["call-id"], int(cseq[0]))
            future.set_result((code, {**found, "body": body}))

    def _invited(self, found: dict[str, str], vias: list[str], body: str) -> None:
        if self.in_call and found["call-id"] == self._dialog["call_id"]:
            self._media(body)
            direction = "recvonly" if "a=sendonly" in body else "sendrecv"
            self._reply(200, "OK", found, vias, sdp=self._sdp(direction))
            return
        self.invites.append(found)
        if self.in_call or self.answer == "busy":
            self.refused += 1
            self._reply(486, "Busy Here", found, vias)
            return
        self._dialog = {
            "call_id": found["call-id"], "remote": found["from"], "invite": found, "vias": vias,
            "local": f"{found['to']};tag={self._tag}", "target": _uri(found["contact"]),
            "pending": body,
        }  # fmt: skip
        self._reply(180, "Ringing", found, vias)
        if self.answer == "auto":
            asyncio.get_running_loop().call_later(self._ring_s, self._pick_up)

    def _pick_up(self) -> None:
        body = self._dialog.pop("pending", None)
        if body is None:
            return
        self._media(body)
        self._reply(200, "OK", self._dialog["invite"], self._dialog["vias"], sdp=self._sdp())
        self.in_call = True

    def _reply(
        self, code: int, reason: str, found: dict[str, str], vias: list[str], *, sdp: str = "",
        cseq: str = "",
    ) -> None:  # fmt: skip
        to = found["to"] if ";tag=" in found["to"] else f"{found['to']};tag={self._tag}"
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        text = (
            f"SIP/2.0 {code} {reason}\r\n" + "".join(f"{v}\r\n" for v in vias)
            + f"From: {found['from']}\r\nTo: {to}\r\nCall-ID: {found['call-id']}\r\n"
            f"CSeq: {cseq or found['cseq']}\r\n"
            f"Contact: <sip:{self.extension}@127.0.0.1:{self._port}>\r\n{kind}"
            f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        )  # fmt: skip
        self._sip.sendto(text.encode(), self._remote)

    def _send_ack(self, call_id: str, cseq: int) -> None:
        d = self._dialog
        text = (
            f"ACK {d['target']} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self._port};rport;"
            f"branch=z9hG4bK{random.getrandbits(60):x}\r\nFrom: {d['local']}\r\n"
            f"To: {d.get('remote', '<sip:x@127.0.0.1>')}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        self._sip.sendto(text.encode(), self._remote)

    # --- sound

    def _sdp(self, direction: str = "sendrecv") -> str:
        return (
            f"v=0\r\no=p 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na={direction}\r\n"
        )

    def _media(self, body: str) -> None:
        port = re.search(r"m=audio (\d+)", body)
        if port is not None:
            self._dialog["media"] = ("127.0.0.1", int(port[1]))

    def _rtp_in(self, data: bytes) -> None:
        if len(data) > 12 and data[1] & 0x7F == 0:
            self._heard.append((time.monotonic(), data[12:]))

    async def _hum(self) -> None:
        sound = tone_ulaw(self.tone_hz, 1.0)
        ssrc, sequence, stamp, at = random.getrandbits(32), 0, 0, time.monotonic()
        while True:
            at = max(at + 0.02, time.monotonic() - 0.2)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            media = self._dialog.get("media")
            if not (self.in_call and media and self._sending):
                continue
            if self._keys:
                code = "0123456789*#".index(self._keys.pop(0))
                for n in range(1, 12):
                    end = 0x80 if n > 8 else 0
                    payload = struct.pack("!BBH", code, end | 10, min(n, 8) * PACKET)
                    mark = 0x80 if n == 1 else 0
                    self._rtp.sendto(
                        struct.pack("!BBHII", 0x80, mark | EVENT_TYPE, sequence, stamp, ssrc)
                        + payload, media,
                    )  # fmt: skip
                    sequence = (sequence + 1) & 0xFFFF
                    if n < 9:
                        await asyncio.sleep(0.02)
                stamp += 8 * PACKET
                await asyncio.sleep(0.1)
                at = time.monotonic()
                continue
            place = stamp % 8000
            self._rtp.sendto(
                struct.pack("!BBHII", 0x80, 0, sequence, stamp, ssrc)
                + (sound + sound)[place : place + PACKET], media,
            )  # fmt: skip
            sequence, stamp = (sequence + 1) & 0xFFFF, (stamp + PACKET) & 0xFFFFFFFF


def _uri(contact: str) -> str:
    found = re.search(r"<([^>]+)>", contact)
    return found[1] if found else contact
