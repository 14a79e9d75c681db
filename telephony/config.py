"""Asterisk's whole configuration, rendered from values and written below the state directory.

Nothing of the machine's own Asterisk is read or changed. Every value from outside is checked
first, and refused with the name of its field: a configuration file is a program, and a line break
in a password would be a new statement in it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telephony.dialplan import (
    DialplanValues,
    render_dialplan,
    render_recorded_script,
)
from telephony.dialplan.queue import KEYS
from telephony.dialplan.values import ROOM_FILE
from telephony.features import FEATURES
from telephony.guard import ACL_FILE, render_acl
from telephony.layout import find_layout
from telephony.modules import UNUSED_MODULES
from telephony.queues import QUEUES_FILE, RULES_FILE
from telephony.sip import Peer, Phone, render_pjsip, render_rtp

# Longest path a Unix socket may have, less the room Asterisk itself wants.
MAX_SOCKET_PATH = 100
# Numbers of the own country, by default; charged services and other countries by their prefixes.
DIAL_ALLOWED = ("0ZXXXXX!", "1[3-9]XXXXXXXXX")
DIAL_DENIED = ("00!", "0600!", "0606!", "0700!", "0900!")
_DIAL_PATTERN = re.compile(r"\+?(?:[0-9XZN]|\[[0-9-]{1,12}\])+[.!]?")
_FORBIDDEN = set(";[](){}<>\"'\\\r\n\0,=|`$")
_PATH = re.compile(r"/[\w./+~@%-]*")
_DIRECTORIES = (
    "etc", "own", "lib", "lib/keys", "lib/keys/keys", "run", "log", "log/cdr-csv",
    "log/cdr-custom", "spool", "spool/monitor", "spool/recording", "spool/outgoing",
    "spool/tmp", "spool/system",
)  # fmt: skip


class ConfigError(ValueError):
    """A configuration value is unusable. `field` names it, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def checked_text(field: str, value: str, *, empty: bool = False) -> str:
    """`value` when it is harmless inside a configuration file, else ConfigError."""
    if not value and not empty:
        raise ConfigError(field, "must not be empty")
    bad = sorted({char for char in value if char in _FORBIDDEN or not char.isprintable()})
    if bad:
        shown = " ".join(repr(char) for char in bad)
        raise ConfigError(field, f"must not contain {shown}")
    if value != value.strip():
        raise ConfigError(field, "must not begin or end with a space")
    return value


def checked_path(field: str, path: Path) -> str:
    """An absolute path the dialplan and a shell read as one word, else ConfigError."""
    text = str(path)
    if not _PATH.fullmatch(text):
        raise ConfigError(
            field, f"{text!r} must be absolute, of letters, digits and _ . / + ~ @ % - only"
        )
    return text


def checked_port(field: str, port: int) -> int:
    """A usable port number, else ConfigError."""
    if not 1024 <= port <= 65535:
        raise ConfigError(field, f"{port} is not a port between 1024 and 65535")
    return port


@dataclass(frozen=True, slots=True)
class AsteriskConfig:
    """One Asterisk. `prefix` is `/` for the machine's own package.

    `state` is the state directory (files go below `state/asterisk`); `recordings` and `prompts`
    are absolute directories. `host_ipv4s` are the machine's own addresses, needed for a browser
    on the same machine. `trunk_addresses` are real gateways; simulated callers prove themselves
    by `trunk_secret`, derived from the ARI password when not given. `trunk_contact` (host:port) is
    the gateway that our own calls go out by, asked every `trunk_asked_s` whether it is there (0:
    never, it counts as there); without it there are none. They reach numbers that fit
    `dial_allowed` (Asterisk's patterns, without the underscore) and none of `dial_denied`.
    `bind_address` is for what only this machine may ask (ARI, the WebSocket of browsers, which a
    proxy carries outside); `sip_address` for telephones and gateways, where it is another one.
    `peers` are the other sites of the same switchboard; the queue is kept by the first of
    `queue_sites` (codes in order, this one among them) that can be reached. `ask_rating`: whoever
    talked with an agent is asked how it went.
    """

    prefix: Path
    state: Path
    sip_port: int
    ari_port: int
    wss_port: int | None
    ami_port: int
    rtp_start: int
    rtp_end: int
    pstn_port: int
    ari_user: str
    ari_password: str
    ami_user: str
    ami_password: str
    prompts: Path
    recordings: Path
    phones: Sequence[Phone]
    host_ipv4s: Sequence[str] = ()
    service_number: str = "965113"
    queue: str = "faults"
    further_queues: Sequence[str] = ()
    language: str = "en"
    site: str = "sp"
    bind_address: str = "127.0.0.1"
    sip_address: str = ""
    trunk_secret: str = ""
    trunk_addresses: Sequence[str] = ()
    trunk_contact: str = ""
    trunk_asked_s: int = 0
    dial_allowed: Sequence[str] = DIAL_ALLOWED
    dial_denied: Sequence[str] = DIAL_DENIED
    peers: Sequence[Peer] = ()
    queue_sites: Sequence[str] = ()
    tls_certificate: Path | None = None
    watchdog_s: int = 60
    queue_timeout_s: int = 300
    guard_s: int = 3
    message_max_s: int = 180
    ask_rating: bool = True
    own_prompts: Path | None = None
    max_calls: int = 200

    @property
    def base(self) -> Path:
        """Directory of everything Asterisk owns."""
        return self.state / "asterisk"

    @property
    def spoken_at(self) -> str:
        """The address for SIP and sound; 0.0.0.0 is every address of the machine."""
        return self.sip_address or self.bind_address

    @property
    def own_prompts_folder(self) -> Path:
        """Directory of the utility's own recordings of prompts."""
        return self.own_prompts or self.state / "own-prompts"

    @property
    def calls_log(self) -> Path:
        """The durable record of calls, one JSON object a line."""
        return self.base / "log" / "calls.jsonl"

    @property
    def queue_log(self) -> Path:
        """Asterisk's own record of queue events."""
        return self.base / "log" / "queue_log"

    @property
    def own(self) -> Path:
        """What our program writes while Asterisk runs, and Asterisk reads; nothing secret."""
        return self.base / "own"

    @property
    def secret_of_trunk(self) -> str:
        """What a simulated caller must send in its X-SP-Trunk header."""
        return self.trunk_secret or derived_trunk_secret(self.ari_password)

    @property
    def secret_of_sites(self) -> str:
        """What one site shows another; the same at all of them."""
        return derived_trunk_secret(f"sites {self.ari_password}")

    def command(self) -> list[str]:
        """argv that runs Asterisk in the foreground until SIGTERM."""
        return [*find_layout(self.prefix).launch, "-f", "-C", str(self._main_file)]

    def console(self, line: str) -> list[str]:
        """argv that sends one console command to the running Asterisk."""
        return [*find_layout(self.prefix).launch, "-C", str(self._main_file), "-rx", line]

    @property
    def _main_file(self) -> Path:
        return self.base / "etc" / "asterisk.conf"

    def check(self) -> None:
        """Raise ConfigError for the first unusable value."""
        for field in ("state", "prompts", "recordings", "prefix"):
            checked_path(field, getattr(self, field))
        checked_path("own_prompts", self.own_prompts_folder)
        socket = str(self.base / "run" / "asterisk.ctl")
        if len(socket.encode()) > MAX_SOCKET_PATH:
            raise ConfigError(
                "state", f"{socket} is longer than the {MAX_SOCKET_PATH} bytes a socket's path "
                "may have; choose a shorter directory",
            )  # fmt: skip
        for field in ("ari_user", "ari_password", "ami_user", "ami_password"):
            checked_text(field, getattr(self, field))
        checked_text("trunk_secret", self.secret_of_trunk)
        words = [("site", self.site), ("queue", self.queue), ("language", self.language)]
        for field, word in [*words, *(("further_queues", name) for name in self.further_queues)]:
            if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", word):
                raise ConfigError(field, f"{word!r} is not 1 to 20 lower-case letters or digits")
        if not re.fullmatch(r"[0-9]{2,15}", self.service_number):
            raise ConfigError("service_number", "must be 2 to 15 digits")
        self._check_ports()
        self._check_addresses()
        self._check_phones()

    def _check_ports(self) -> None:
        for field in ("sip_port", "ari_port", "ami_port", "pstn_port", "rtp_start", "rtp_end"):
            checked_port(field, getattr(self, field))
        if self.rtp_end - self.rtp_start < 15:
            raise ConfigError("rtp_end", "must be at least 15 above rtp_start")
        if self.wss_port is not None:
            checked_port("wss_port", self.wss_port)
            if self.tls_certificate is None:
                raise ConfigError("tls_certificate", "is needed with wss_port (certificate and "
                                                     "key in one PEM file)")  # fmt: skip
            checked_path("tls_certificate", self.tls_certificate)

    def _check_addresses(self) -> None:
        for field, values in (
            ("host_ipv4s", self.host_ipv4s),
            ("bind_address", [self.bind_address]),
            ("sip_address", [self.spoken_at]),
        ):
            for value in values:
                try:
                    ipaddress.IPv4Address(value)
                except ValueError as bad:
                    raise ConfigError(field, f"{value!r} is not an IPv4 address") from bad
        for value in self.trunk_addresses:
            try:
                ipaddress.ip_network(value, strict=False)
            except ValueError as bad:
                raise ConfigError("trunk_addresses", f"{value!r} is not an address") from bad
        if self.trunk_contact:
            _check_contact("trunk_contact", self.trunk_contact)
        if not 0 <= self.trunk_asked_s <= 3600:
            raise ConfigError("trunk_asked_s", "must be 0 to 3600 seconds")
        known = {self.site, *(peer.site for peer in self.peers)}
        for peer in self.peers:
            if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", peer.site) or peer.site == self.site:
                raise ConfigError("peers", f"{peer.site!r} is no other site's code")
            _check_contact("peers", peer.contact)
        if unknown := [site for site in self.queue_sites if site not in known]:
            raise ConfigError("queue_sites", f"there is no site {unknown[0]!r}")
        for field in ("dial_allowed", "dial_denied"):
            for pattern in getattr(self, field):
                if not _DIAL_PATTERN.fullmatch(pattern):
                    raise ConfigError(field, f"{pattern!r} is not a pattern of numbers")

    def _check_phones(self) -> None:
        seen: set[str] = set()
        for phone in self.phones:
            if not re.fullmatch(r"[0-9]{2,6}", phone.extension):
                raise ConfigError("phones.extension", f"{phone.extension!r} is not 2 to 6 digits")
            if phone.extension in seen or phone.extension == self.service_number:
                raise ConfigError("phones.extension", f"{phone.extension} is given twice")
            seen.add(phone.extension)
            checked_text(f"phones.{phone.extension}.password", phone.password)
            checked_text(f"phones.{phone.extension}.name", phone.name)

    def files(self) -> dict[str, str]:
        """Name below `etc` -> text. Pure but for locating the prefix's parts."""
        self.check()
        etc = self.base / "etc"
        dialplan = DialplanValues(
            service_number=self.service_number,
            queues=[self.queue, *self.further_queues],
            extensions=[phone.extension for phone in self.phones],
            calls_log=str(self.calls_log),
            recordings=str(self.recordings),
            prompts=str(self.prompts / self.language),
            own_prompts=str(self.own_prompts_folder / self.language),
            recorded_script=str(etc / "recorded.sh"),
            own=str(self.own),
            watchdog_s=self.watchdog_s,
            queue_timeout_s=self.queue_timeout_s,
            browsers=[phone.extension for phone in self.phones if phone.webrtc],
            message_max_s=self.message_max_s,
            ask_rating=self.ask_rating,
            trunk_out=bool(self.trunk_contact),
            dial_allowed=self.dial_allowed,
            dial_denied=self.dial_denied,
            sites=[peer.site for peer in self.peers],
            sites_before=self.queue_sites[: self.queue_sites.index(self.site)]
            if self.site in self.queue_sites
            else (),
            site_secret=self.secret_of_sites,
        )
        texts = {
            "asterisk.conf": self._asterisk_conf(),
            "modules.conf": _modules_conf(),
            "logger.conf": _LOGGER,
            "http.conf": self._http_conf(),
            "ari.conf": self._ari_conf(),
            "manager.conf": self._manager_conf(),
            "pjsip.conf": render_pjsip(
                sip_port=self.sip_port,
                sip_address=self.spoken_at,
                trunk_secret=self.secret_of_trunk,
                trunk_addresses=self.trunk_addresses,
                trunk_contact=self.trunk_contact,
                trunk_asked_s=self.trunk_asked_s,
                peers=self.peers,
                site_secret=self.secret_of_sites,
                phones=self.phones,
                wss=self.wss_port is not None,
            ),
            "rtp.conf": render_rtp(
                self.rtp_start, self.rtp_end, self.spoken_at, self.host_ipv4s
            ),
            "queues.conf": self._queues_conf(),
            "acl.conf": f"#tryinclude {self.own}/{ACL_FILE}\n",
            "queuerules.conf": f"#tryinclude {self.own}/{RULES_FILE}\n",
            "musiconhold.conf": self._musiconhold_conf(),
            "extensions.conf": render_dialplan(dialplan),
            "cdr.conf": "[general]\nenable=yes\nunanswered=no\n\n[csv]\nusegmtime=yes\n"
                        "loguniqueid=yes\nloguserfield=no\naccountlogs=no\n",
            "cel.conf": "[general]\nenable=no\n",
            "features.conf": FEATURES,
            "indications.conf": _INDICATIONS,
            "recorded.sh": render_recorded_script(
                str(self.base / "spool/outgoing"), str(self.base / "spool/tmp"),
                str(self.recordings),
            ),
        }  # fmt: skip
        # Their absence would only be an error line in the log at each start.
        texts.update(dict.fromkeys(_SILENT_FILES, "; nothing to say here\n"))
        return texts

    def write(self) -> None:
        """Create the directories and write every file, readable by the owner alone."""
        texts = self.files()
        for name in _DIRECTORIES:
            (self.base / name).mkdir(parents=True, exist_ok=True)
        for directory in (self.recordings, self.prompts / "hold", self.own_prompts_folder):
            directory.mkdir(parents=True, exist_ok=True)
        (self.recordings / ROOM_FILE).touch()
        (self.base / "etc").chmod(0o700)
        if not (self.own / ACL_FILE).exists():
            # Asterisk turns everybody away where the list itself is lacking.
            (self.own / ACL_FILE).write_text(render_acl([]), encoding="ascii")
        for stale in (self.base / "etc").glob("*.conf"):
            if stale.name not in texts:
                stale.unlink()
        for name, text in texts.items():
            path = self.base / "etc" / name
            partial = path.with_name(f".{name}.new")
            partial.touch(mode=0o600)
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)

    def _asterisk_conf(self) -> str:
        layout = find_layout(self.prefix)
        lines = {
            "astetcdir": self.base / "etc", "astmoddir": layout.modules,
            "astvarlibdir": self.base / "lib", "astdbdir": self.base / "lib",
            "astkeydir": self.base / "lib/keys", "astdatadir": layout.data,
            "astagidir": self.base / "lib", "astspooldir": self.base / "spool",
            "astrundir": self.base / "run", "astlogdir": self.base / "log",
            "astsbindir": layout.binary.parent,
        }  # fmt: skip
        directories = "\n".join(f"{key} => {value}" for key, value in lines.items())
        return (
            f"[directories]\n{directories}\n\n[options]\nsystemname={self.site}\n"
            f"maxcalls={self.max_calls}\nlive_dangerously=no\nhideconnect=yes\n"
            "dumpcore=no\nnocolor=yes\n"
        )

    def _http_conf(self) -> str:
        text = (
            f"[general]\nservername=Standpipe\nenabled=yes\nbindaddr={self.bind_address}\n"
            f"bindport={self.ari_port}\nsessionlimit=500\n"
        )
        if self.wss_port is not None:
            text += (
                f"tlsenable=yes\ntlsbindaddr={self.bind_address}:{self.wss_port}\n"
                f"tlscertfile={self.tls_certificate}\n"
            )
        return text

    def _ari_conf(self) -> str:
        return (
            f"[general]\nenabled=yes\npretty=no\nchannelvars=SP_CALL_ID\n\n[{self.ari_user}]\n"
            f"type=user\npassword={self.ari_password}\npassword_format=plain\nread_only=no\n"
        )

    def _manager_conf(self) -> str:
        # `command`, `config` and, for writing, `system` are left out: with the last one Originate
        # would run programs, and a manager login must not become a shell.
        return (
            f"[general]\nenabled=yes\nport={self.ami_port}\nbindaddr=127.0.0.1\n"
            f"timestampevents=yes\nchannelvars=SP_CALL_ID\n\n[{self.ami_user}]\n"
            f"secret={self.ami_password}\ndeny=0.0.0.0/0.0.0.0\npermit=127.0.0.1/255.255.255.255\n"
            # Not `reporting`: the state of every sound stream every five seconds, read by nobody.
            "read=system,call,agent,user,dtmf,security\n"
            "write=call,agent,user,reporting,originate\n"
        )

    def _queues_conf(self) -> str:
        general = (
            "[general]\npersistentmembers=yes\nautofill=yes\nshared_lastcall=yes\n"
            "log_membername_as_agent=yes\n"
        )
        # Nothing is announced by the queue itself: a free agent would wait for the announcement's
        # end. joinempty leaves out "paused": an agent in wrap-up comes back, a caller can wait.
        settings = (
            "strategy=leastrecent\nringinuse=no\ntimeout=15\nretry=1\n"
            f"wrapuptime={self.guard_s}\nservicelevel=20\njoinempty=unavailable,invalid\n"
            "leavewhenempty=no\nautopause=all\nsetinterfacevar=yes\nsetqueueentryvar=yes\n"
            "announce-to-first-user=no\nannounce-frequency=0\nannounce-holdtime=no\n"
            f"announce-position=no\ncontext={KEYS}\n"
        )
        sections = [f"[{name}](sp-defaults)\n" for name in (self.queue, *self.further_queues)]
        own = f"#tryinclude {self.own}/{QUEUES_FILE}\n"
        return "\n".join([general, f"[sp-defaults](!)\n{settings}", *sections, own])

    def _musiconhold_conf(self) -> str:
        music = f"{self.prompts}/hold/hold"
        waiting = [music, music, f"{self.prompts}/{self.language}/please-wait"]
        entries = "".join(f"entry={path}\n" for path in waiting)
        return (
            f"[default]\nmode=files\ndirectory={self.prompts}/hold\n\n"
            f"[waiting]\nmode=playlist\n{entries}"
        )


def _check_contact(field: str, contact: str) -> None:
    host, _, port = contact.rpartition(":")
    named = re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,200}", host)
    if not (named and re.fullmatch(r"[0-9]{1,5}", port)):
        raise ConfigError(field, f"{contact!r} is not host:port")


def derived_trunk_secret(ari_password: str) -> str:
    """The simulated trunk's secret when none is configured: 32 hexadecimal digits."""
    digest = hmac.new(ari_password.encode(), b"standpipe trunk", hashlib.sha256)
    return digest.hexdigest()[:32]


def _modules_conf() -> str:
    lines = "\n".join(f"noload = {name}.so" for name in UNUSED_MODULES)
    return f"[modules]\nautoload=yes\n{lines}\n"


_LOGGER = (
    "[general]\ndateformat=%Y-%m-%dT%H:%M:%S\nqueue_log=yes\nappend_hostname=no\n"
    "rotatestrategy=rotate\n\n[logfiles]\nmessages.log => notice,warning,error\n"
)
_INDICATIONS = (
    "[general]\ncountry=fi\n\n[fi]\ndescription=Finland\nringcadence=1000,4000\n"
    "dial=425\nbusy=425/300,0/300\nring=425/1000,0/4000\ncongestion=425/200,0/200\n"
)
_SILENT_FILES = (
    "ccss.conf", "codecs.conf", "dnsmgr.conf", "dsp.conf", "enum.conf",
    "followme.conf", "pjproject.conf", "pjsip_wizard.conf", "res_parking.conf",
    "sorcery.conf", "stasis.conf", "udptl.conf", "websocket_client.conf", "cdr_manager.conf",
    "cli.conf", "cli_aliases.conf", "cli_permissions.conf", "extconfig.conf",
    "chan_websocket.conf",
)  # fmt: skip
