"""What SIPp needs from us: scenarios as text, free ports, and the reading of its message trace."""

from __future__ import annotations

import os
import re
import shutil
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from telephony.sip import TRUNK_HEADER

CAP_NET_RAW = 13


class CallerError(Exception):
    """A simulated call or phone cannot be made; the text says why."""


def sipp_binary() -> str:
    """Path of SIPp. Raises CallerError where it is not installed."""
    found = shutil.which("sipp")
    if found is None:
        raise CallerError("sipp is not installed (Debian package sip-tester)")
    return found


def may_send_raw() -> bool:
    """True when SIPp may replay a capture file: it sends raw packets to do so."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return os.geteuid() == 0
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(match and int(match[1], 16) >> CAP_NET_RAW & 1)


def free_udp_port(host: str, wanted: int = 0, *, even: bool = False) -> int:
    """`wanted` when nobody has it, else any free port (with the next two free for media)."""
    for attempt in range(200):
        first = wanted if attempt == 0 else 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, first))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
            if not even:
                return port
        if port % 2 == 0 and port < 65500 and all(_is_free(host, port + n) for n in (1, 2, 3)):
            return port
    raise CallerError(f"no free UDP port on {host}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def escaped(text: str) -> str:
    """Text for a scenario: anything SIPp, XML or SIP might read as its own becomes \\xHH."""
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02X}"
        for byte in text.encode("utf-8", errors="replace")
    )


def display_name(name: str) -> str:
    """A SIP display name in quotes, ready for a scenario; line breaks become spaces."""
    if not name:
        return ""
    plain = "".join(" " if ord(char) < 32 or ord(char) == 127 else char for char in name)
    quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(quoted)}" '


@dataclass(frozen=True, slots=True)
class Sound:
    """How a scenario makes itself heard: `pcap`, `stream` or `none`, and the file it plays."""

    way: str
    file: str = ""

    @property
    def port(self) -> str:
        """SIPp's keyword for the port that this way of sending uses."""
        return "[rtpstream_audio_port]" if self.way == "stream" else "[media_port]"

    @property
    def action(self) -> str:
        """The scenario step that begins to play."""
        if self.way == "pcap":
            return f'<nop><action><exec play_pcap_audio="{self.file}"/></action></nop>'
        if self.way == "stream":
            return f'<nop><action><exec rtp_stream="{self.file},-1,0"/></action></nop>'
        return ""


def sdp(sound: Sound) -> str:
    """Our session description: mu-law and telephone events on the loopback address."""
    return (
        "v=0\no=sp 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
        f"m=audio {sound.port} RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\n"
        "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=sendrecv\n"
    )


def _send(text: str, attributes: str = "") -> str:
    return f"<send{attributes}><![CDATA[\n{text}\n]]></send>"


def _request(method: str, cseq: int, secret: str, extra: str, body: str = "") -> str:
    kind = "Content-Type: application/sdp\n" if method == "INVITE" else ""
    kind = "Content-Type: application/dtmf-relay\n" if method == "INFO" else kind
    tag = "" if method == "INVITE" else "[peer_tag_param]"
    return (
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"{extra.splitlines()[0]}\n"
        f"To: <sip:[service]@[remote_ip]:[remote_port]>{tag}\n"
        f"Call-ID: [call_id]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n"
        f"Contact: <sip:caller@[local_ip]:[local_port]>\n{TRUNK_HEADER}: {secret}\n"
        + "".join(f"{line}\n" for line in extra.splitlines()[1:])
        + f"{kind}Content-Length: [len]\n\n{body}"
    )


def caller_scenario(
    *,
    number: str,
    name: str,
    secret: str,
    seconds: float,
    sound: Sound,
    info_keys: str = "",
    keys_after_s: float = 1.0,
    keys_every_s: float = 1.0,
    patience_s: float = 20.0,
) -> str:
    """A caller: INVITE, sound, keys, and BYE after `seconds`, or earlier by the other side.

    `info_keys` are sent as SIP INFO, for a caller who cannot put them into the sound.
    """
    host = "[local_ip]:[local_port]"
    if number:
        identity = (
            f"From: {display_name(name)}<sip:{escaped(number)}@{host}>;tag=[call_number]sp\n"
            f"P-Asserted-Identity: {display_name(name)}<sip:{escaped(number)}@{host}>"
        )
    else:
        identity = (
            'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=[call_number]sp\n'
            "Privacy: id"
        )
    sender = identity.splitlines()[0]
    steps = [_send(_request("INVITE", 1, secret, identity, sdp(sound)), ' retrans="500"')]
    steps += [f'<recv response="{code}" optional="true"/>' for code in (100, 180, 181, 182, 183)]
    steps += [
        f'<recv response="{code}" optional="true" next="refused"/>'
        for code in (400, 401, 403, 404, 408, 480, 484, 486, 487, 488, 500, 503, 603)
    ]
    steps.append(f'<recv response="200" timeout="{int(patience_s * 1000)}" ontimeout="give-up"/>')
    steps.append(_send(_request("ACK", 1, secret, sender)))
    if sound.action:
        steps.append(sound.action)
    spent = 0.0
    for position, key in enumerate(info_keys):
        wait = keys_after_s if position == 0 else keys_every_s
        spent += wait
        info = f"Signal={key}\nDuration=160\n"
        steps.append(f'<pause milliseconds="{int(wait * 1000)}"/>')
        steps.append(_send(_request("INFO", 2 + position, secret, sender, info)))
        steps.append('<recv response="200"/>')
    rest = max(200, int((seconds - spent) * 1000))
    steps += [
        f'<recv request="BYE" timeout="{rest}" ontimeout="hang-up"/>',
        _send(
            "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n"
            "[last_CSeq:]\nContent-Length: 0\n"
        ),
        '<nop next="end"/>',
        '<label id="hang-up"/>',
        _send(_request("BYE", 2 + len(info_keys), secret, sender), ' retrans="500"'),
        '<recv response="200"/>',
        '<nop next="end"/>',
        '<label id="give-up"/>',
        _send(_request("CANCEL", 1, secret, sender).replace("[peer_tag_param]", "")
              .replace("[branch]", "[branch-4]")),
        '<recv response="200" timeout="2000" ontimeout="end"/>',
        '<recv response="487" timeout="2000" ontimeout="end"/>',
        '<label id="refused"/>',
        _send(_request("ACK", 1, secret, sender)),
        '<label id="end"/>',
        '<nop/>',
    ]  # fmt: skip
    return _document("caller", steps)


def phone_scenario(*, ring_s: float, hold_s: float, sound: Sound) -> str:
    """A desk phone: rings, answers, hums, and hangs up after `hold_s` if the caller has not."""
    reply = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]desk\n[last_Call-ID:]\n"
    answer = (
        f"SIP/2.0 200 OK\n{reply}[last_CSeq:]\n"
        "Contact: <sip:desk@[local_ip]:[local_port]>\nContent-Type: application/sdp\n"
        f"Content-Length: [len]\n\n{sdp(sound)}"
    )
    plain = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
    keep = (
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="caller"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="callee"/>'
        '<ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="peer"/></action>'
    )
    steps = [
        f'<recv request="INVITE">{keep}</recv>',
        _send(f"SIP/2.0 180 Ringing\n{reply}[last_CSeq:]\n"
              "Contact: <sip:desk@[local_ip]:[local_port]>\nContent-Length: 0\n"),
        f'<recv request="CANCEL" timeout="{max(1, int(ring_s * 1000))}" ontimeout="answer"/>',
        _send(f"SIP/2.0 200 OK\n{plain}Content-Length: 0\n"),
        _send(f"SIP/2.0 487 Request Terminated\n{reply}CSeq: [last_cseq_number] INVITE\n"
              "Content-Length: 0\n"),
        '<recv request="ACK" timeout="2000" ontimeout="end"/>',
        '<nop next="end"/>',
        '<label id="answer"/>',
        _send(answer, ' retrans="500"'),
        '<recv request="ACK"/>',
        sound.action or "<nop/>",
        f'<recv request="BYE" timeout="{int(hold_s * 1000)}" ontimeout="hang-up"/>',
        _send(f"SIP/2.0 200 OK\n{plain}Content-Length: 0\n"),
        '<nop next="end"/>',
        '<label id="hang-up"/>',
        _send("BYE [$peer] SIP/2.0\n"
              "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
              "From:[$callee];tag=[call_number]desk\nTo:[$caller]\nCall-ID: [call_id]\n"
              "CSeq: 100 BYE\nMax-Forwards: 70\nContent-Length: 0\n", ' retrans="500"'),
        '<recv response="200"/>',
        '<label id="end"/>',
        "<nop/>",
    ]  # fmt: skip
    return _document("phone", steps)


def register_scenario(*, extension: str, password: str, contact: str, expires: int) -> str:
    """REGISTER with digest authentication for a phone that listens at `contact` (host:port)."""

    def register(cseq: int, authentication: str) -> str:
        return (
            "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\n"
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
            f"From: <sip:{extension}@[remote_ip]:[remote_port]>;tag=[call_number]reg\n"
            f"To: <sip:{extension}@[remote_ip]:[remote_port]>\n"
            f"Call-ID: [call_id]\nCSeq: {cseq} REGISTER\nMax-Forwards: 70\n"
            f"Contact: <sip:{extension}@{contact}>\n{authentication}"
            f"Expires: {expires}\nContent-Length: 0\n"
        )

    digest = f"[authentication username={extension} password={password}]\n"
    steps = [
        _send(register(1, ""), ' retrans="500"'),
        '<recv response="401" auth="true"/>',
        _send(register(2, digest), ' retrans="500"'),
        '<recv response="200"/>',
    ]
    return _document("register", steps)


def _document(name: str, steps: list[str]) -> str:
    body = "\n".join(steps)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{body}\n</scenario>\n'
    )


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """One SIP message of SIPp's trace: when (UTC), which way, first line, headers' text."""

    at: datetime
    sent: bool
    first_line: str
    text: str

    @property
    def code(self) -> int:
        """Status of a response, 0 for a request."""
        match = re.match(r"SIP/2\.0 (\d{3})", self.first_line)
        return int(match[1]) if match else 0

    @property
    def method(self) -> str:
        """Method that the message belongs to."""
        match = re.search(r"^CSeq:\s*\d+\s+(\w+)", self.text, re.MULTILINE | re.IGNORECASE)
        return match[1] if match else ""

    def header(self, name: str) -> str:
        """Value of the first header `name`, empty when absent."""
        match = re.search(
            rf"^{re.escape(name)}:[ \t]*(.*)$", self.text, re.MULTILINE | re.IGNORECASE
        )
        return match[1].strip() if match else ""


_TRACE_HEAD = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d)[T\t ](\d\d:\d\d:\d\d\.\d+).*\n"
    r"\S+ message (sent|received)[^\n]*\n\n",
    re.MULTILINE,
)


def parse_trace(text: str) -> list[TracedMessage]:
    """SIPp's `-trace_msg` file as messages in order. SIPp writes local time; UTC comes out."""
    heads = list(_TRACE_HEAD.finditer(text))
    messages: list[TracedMessage] = []
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        body = text[head.end() : end]
        local = datetime.fromisoformat(f"{head[1]}T{head[2]}")
        messages.append(
            TracedMessage(
                at=local.astimezone(UTC),
                sent=head[3] == "sent",
                first_line=body.partition("\n")[0].strip(),
                text=body.replace("\r\n", "\n"),
            )
        )
    return messages
