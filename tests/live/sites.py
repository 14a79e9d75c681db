"""The second telephone site of a running installation, and the line between the two."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from telephony.caller import Caller
from telephony.config import derived_trunk_secret
from telephony.sipp import free_udp_port
from tests.live.system import System, eventually
from tests.telephony.wan import Wan

FIRST, SECOND = "sp", "sp2"


@dataclass
class Line:
    """The line between the sites, in both directions."""

    ways: list[Wan]

    def cut(self, yes: bool = True) -> None:
        """Nothing passes any more, or all again."""
        for way in self.ways:
            way.cut = yes


def folder_of(system: System, site: str) -> Path:
    """What that site's Asterisk owns."""
    root = system.state if site == FIRST else system.state / site
    return root / "asterisk"


def say(system: System, site: str, line: str) -> str:
    """One console command, over the console's own socket, and what it answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as console:
        console.settimeout(10)
        console.connect(str(folder_of(system, site) / "run" / "asterisk.ctl"))
        console.sendall(f"cli quit after {line}\0".encode())
        said = b""
        while data := console.recv(4096):
            said += data
    return said.replace(b"\0", b"").decode(errors="replace")


def sees_the_other(system: System, site: str) -> bool:
    """This site knows that the other one answers."""
    rows = [r for r in say(system, site, "pjsip show contacts").splitlines() if "site-" in r]
    return bool(rows) and all("Avail" in row for row in rows)


def caller_at_second(system: System) -> Caller:
    """The public network where its calls go to the second site."""
    ports = system.ports
    return Caller(
        "127.0.0.1", ports["sip2"], ports["pstn"],
        derived_trunk_secret(system.secrets["ari_password"]),
    )  # fmt: skip


@contextmanager
def a_line_that_can_be_cut(system: System) -> Iterator[Line]:
    """The sites, which are neighbours here, speak to each other over relays of ours."""
    sip = {FIRST: system.ports["sip"], SECOND: system.ports["sip2"]}
    other = {FIRST: SECOND, SECOND: FIRST}
    ways = {site: Wan(("127.0.0.1", sip[other[site]]), free_udp_port("127.0.0.1")) for site in sip}
    kept: dict[Path, str] = {}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="line")
    thread.start()
    try:
        for site, way in ways.items():
            asyncio.run_coroutine_threadsafe(way.__aenter__(), loop).result(10)
            file = folder_of(system, site) / "etc" / "pjsip.conf"
            kept[file] = file.read_text(encoding="utf-8")
            _lead(system, site, file, sip[other[site]], way.port)
        for site in sip:
            eventually(partial(sees_the_other, system, site), f"{site} sees the other")
        yield Line(list(ways.values()))
    finally:
        for file, text in kept.items():
            file.write_text(text, encoding="utf-8")
        for way in ways.values():
            asyncio.run_coroutine_threadsafe(way.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _lead(system: System, site: str, file: Path, before: int, after: int) -> None:
    text, changed = re.subn(
        rf"^(contact=sip:\w+@127\.0\.0\.1:){before}$", rf"\g<1>{after}",
        file.read_text(encoding="utf-8"), flags=re.MULTILINE,
    )  # fmt: skip
    assert changed == 1, f"{file}: {changed} lines to the other site"
    # Written in place: who owns and may read the file stays as it was.
    file.write_text(text, encoding="utf-8")
    said = say(system, site, "module reload res_pjsip.so")
    assert "reloaded successfully" in said, said
