"""What is supervised: one row per program, with its command, user, signals and probe."""

from __future__ import annotations

import importlib
import os
import pwd
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops import probes
from ops.errors import OpsError
from ops.paths import REPO, State, is_root
from ops.phones import phones
from ops.postgres import Cluster
from ops.say import Say
from ops.settings import AMI_USER, ARI_USER, FIRST_SITE, HOST, MQTT_USER, SECOND_SITE
from ops.telephone import exchange_settings, sip_host

if TYPE_CHECKING:
    from mqtt.formats import Format


@dataclass(frozen=True, slots=True)
class Program:
    """`ready` answers whether it does its work yet. `secret_env` hands it the server's settings.

    `death_signal` is what the kernel sends when the supervisor dies: the database and the broker
    get time to write, the rest end at once.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    user: str | None = None
    stop_signal: str = "TERM"
    death_signal: str = "KILL"
    stop_wait_s: int = 10
    start_timeout_s: float = 60.0
    secret_env: bool = False
    prepare: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything a program's row is made from."""

    state: State
    home: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    say: Say
    durable: bool = True
    host_ipv4s: Sequence[str] = ()
    sites: int = 1

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.state, self.ports["postgres"], self.secrets, self.durable)


# Web processes are one each: to have more, put more of them behind a load balancer.
WEB = (
    "-m", "uvicorn", "server.config.asgi:application", "--timeout-graceful-shutdown", "3",
    "--no-access-log", "--no-server-header", "--proxy-headers", "--lifespan", "off",
)  # fmt: skip
MANAGE = ("-m", "server.manage")


def build(names: Sequence[str], site: Site) -> list[Program]:
    """The programs of `names` in order, files written, ready to be supervised. Raises OpsError."""
    builders: dict[str, Callable[[Site], Program]] = {
        "postgres": _postgres, "mosquitto": _mosquitto, "asterisk": _asterisk,
        "asterisk2": _asterisk2, "web": _web,
    }  # fmt: skip
    programs = []
    for name in names:
        program = builders[name](site) if name in builders else _manage(name)
        program.prepare()
        programs.append(program)
    return programs


def _postgres(site: Site) -> Program:
    cluster = site.cluster
    cluster.prepare()
    cluster.clear_stale_pid()
    return Program(
        "postgres", cluster.command(), lambda: probes.postgres(cluster), user=cluster.owner,
        stop_signal="INT", death_signal="INT", stop_wait_s=60, start_timeout_s=120,
    )  # fmt: skip


def broker_user() -> str | None:
    """Who runs the broker when root starts it."""
    return "mosquitto" if is_root() else None


def position_formats() -> tuple[Format, ...]:
    """The formats in use, as the server reads them (server/config/settings.py)."""
    from mqtt.formats import STANDARD, load

    named = os.environ.get("STANDPIPE_POSITION_FORMATS", "")
    return load([f for f in named.split(",") if f] or STANDARD)


def _mosquitto(site: Site) -> Program:
    from mqtt.broker import BrokerConfig

    config = BrokerConfig(
        state=site.state.root / "mosquitto", port=site.ports["mqtt"], server_user=MQTT_USER,
        server_password=site.secrets["mqtt_password"], owner=broker_user(),
        formats=position_formats(),
    )  # fmt: skip
    config.write()
    _own_tree(site.state.root / "mosquitto", broker_user())
    password = site.secrets["mqtt_password"]
    return Program(
        "mosquitto", config.command(),
        lambda: probes.mqtt(site.ports["mqtt"], MQTT_USER, password),
        user=broker_user(), death_signal="TERM",
    )  # fmt: skip


def telephone_user() -> str | None:
    """Who runs Asterisk when root starts it: its own user where there is one."""
    if not is_root():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "asterisk" if "asterisk" in known else "nobody"


def _asterisk(site: Site) -> Program:
    """The first telephone site, mostly the only one."""
    return _asterisk_of(site, FIRST_SITE)


def _asterisk2(site: Site) -> Program:
    """The second: a state, ports and sound ports of its own, recordings and prompts in common."""
    return _asterisk_of(site, SECOND_SITE)


def _asterisk_of(site: Site, code: str) -> Program:
    from ops.asterisk import AsteriskError, ensure_asterisk
    from telephony.config import AsteriskConfig, ConfigError
    from telephony.sip import Peer

    prompts = ensure_prompts(site.home, site.say)
    try:
        with site.say.step("Asterisk"):
            install = ensure_asterisk(site.home, site.say)
        ports, first = site.ports, code == FIRST_SITE
        root = site.state.root if first else site.state.root / code
        mine = "" if first else "2"
        rtp_start, rtp_end = ports["rtp_start"], ports["rtp_end"]
        if site.sites > 1:
            middle = (rtp_start + rtp_end + 1) // 2
            rtp_start, rtp_end = (rtp_start, middle - 1) if first else (middle, rtp_end)
        other, sip = (SECOND_SITE, "sip2") if first else (FIRST_SITE, "sip")
        config = AsteriskConfig(
            prefix=install.prefix, state=root, sip_port=ports[f"sip{mine}"],
            ari_port=ports[f"ari{mine}"], wss_port=None, ami_port=ports[f"ami{mine}"],
            rtp_start=rtp_start, rtp_end=rtp_end, pstn_port=ports["pstn"], site=code,
            peers=[Peer(other, f"{sip_host()}:{ports[sip]}")] if site.sites > 1 else [],
            queue_sites=[FIRST_SITE, SECOND_SITE] if site.sites > 1 else [],
            ari_user=ARI_USER, ari_password=site.secrets["ari_password"], ami_user=AMI_USER,
            ami_password=site.secrets["ami_password"], prompts=prompts,
            recordings=site.state.root / "recordings",
            own_prompts=site.state.root / "own-prompts",
            phones=phones(site.secrets["phone_password_seed"]), host_ipv4s=site.host_ipv4s,
            **exchange_settings(network=f"{HOST}:{ports['network']}"),
        )  # fmt: skip
        config.write()
    except (AsteriskError, ConfigError) as error:
        raise OpsError(f"Asterisk: {error}") from error
    user = telephone_user()
    _own_tree(root / "asterisk", user)
    _own_tree(site.state.root / "recordings", user)
    password = site.secrets["ari_password"]
    return Program(
        f"asterisk{mine}", config.command(),
        lambda: probes.asterisk(ports[f"ari{mine}"], ports[f"ami{mine}"], ARI_USER, password),
        user=user, death_signal="TERM", stop_wait_s=20,
    )  # fmt: skip


def ensure_prompts(home: Path, say: Say) -> Path:
    """Spoken prompts below `home`; made by telephony.prompts where they are lacking."""
    from telephony import prompts

    folder = home / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with say.step("telephone prompts"):
            prompts.synthesise(folder, say=say)
    except prompts.PromptError as error:
        raise OpsError(f"telephone prompts: {error}") from error
    return folder


def _web(site: Site) -> Program:
    port = site.ports["web"]
    return Program(
        "web", [sys.executable, *WEB, "--host", HOST, "--port", str(port)],
        lambda: probes.web(port), secret_env=True, stop_wait_s=8,
    )  # fmt: skip


def _manage(name: str) -> Program:
    # Their readiness is the beat that /health tells; `up` waits for it at the end.
    return Program(
        name, [sys.executable, *MANAGE, name], lambda: True, secret_env=True, stop_wait_s=15
    )


def built(name: str, repo: Path = REPO) -> bool:
    """The parts that `name` runs are in this checkout."""
    modules = {
        "mosquitto": "mqtt.broker", "asterisk": "telephony.config", "asterisk2": "telephony.config",
    }  # fmt: skip
    if name in modules:
        try:
            importlib.import_module(modules[name])
            if name == "asterisk":
                importlib.import_module("telephony.prompts")
        except ImportError:
            return False
        return True
    if name == "web":
        return (repo / "server/config/urls.py").exists()
    if name == "postgres":
        return True
    return manage_command_exists(name, repo)


def manage_command_exists(name: str, repo: Path = REPO) -> bool:
    """Some app of the server has a management command of that name."""
    return any((repo / "server").glob(f"*/management/commands/{name}.py"))


def _own_tree(root: Path, user: str | None) -> None:
    if user is None:
        return
    entry = pwd.getpwnam(user)
    for path in (root, *root.rglob("*")):
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
