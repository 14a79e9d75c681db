"""One installation as the commands see it: what it was told, its settings, its commands."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.environment import environment_folder
from ops.errors import OpsError
from ops.javascript import fingerprint as vendor_fingerprint
from ops.network import host_ipv4s
from ops.paths import REPO, State, write_atomically
from ops.ports import ensure_ports, read_ports
from ops.programs import Site, broker_user, manage_command_exists
from ops.run import run
from ops.say import Say
from ops.secrets import PASSPHRASE_NAMES, ensure_secrets
from ops.settings import Options, process_env, server_env
from ops.supervise import Supervisor


@dataclass(frozen=True, slots=True)
class Installation:
    """A state directory with everything that follows from it."""

    site: Site
    options: Options
    vendor: Path | None

    @property
    def state(self) -> State:
        return self.site.state

    @property
    def server(self) -> dict[str, str]:
        """The STANDPIPE_ names of the server's processes."""
        return server_env(
            self.state, self.site.ports, self.site.secrets, self.options, vendor=self.vendor,
            home=self.site.home, mqtt_owner=broker_user(),
        )  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of the server's processes."""
        return process_env(self.server)

    @property
    def plain_env(self) -> dict[str, str]:
        """The environment of the database, the broker and Asterisk: no secret in it."""
        return process_env({})


def open_installation(
    state: State,
    home: Path,
    say: Say,
    *,
    options: Options | None = None,
    port: int | None = None,
    durable: bool = True,
    claimed: Path | None = None,
) -> Installation:
    """Ports, secrets and options of `state`, made where they are lacking. Raises OpsError.

    `claimed`: where starts of this machine say which ports they will listen on (ops/claims.py).
    """
    state.prepare()
    running = Supervisor(state).pid() is not None
    ports = read_ports(state) if running else {}
    if not ports:
        ports = ensure_ports(state, web=port, claimed=claimed)
    told = options or read_options(state)
    if options is not None:
        write_atomically(
            state.root / "options.json", json.dumps(options.as_dict(), indent=1) + "\n"
        )
    vendor = home / f"node-{vendor_fingerprint()}" / "vendor"
    site = Site(
        state, home, ports, ensure_secrets(state), say, durable=durable, host_ipv4s=host_ipv4s(),
        sites=told.sites,
    )
    return Installation(site, told, vendor if vendor.is_dir() else None)


def read_options(state: State) -> Options:
    """What the last `up` was told; the defaults before the first."""
    try:
        held = json.loads((state.root / "options.json").read_text(encoding="utf-8"))
        return Options(
            profile=str(held["profile"]), city=str(held["city"]), simulator=bool(held["simulator"]),
            sites=int(held.get("sites", 1)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Options()


def manage(installation: Installation, arguments: Sequence[str]) -> str:
    """Run a management command and return its standard output. Raises OpsError."""
    return run(
        [sys.executable, "-m", "server.manage", *arguments], what=" ".join(arguments[:2]),
        env=installation.env, cwd=REPO,
    )  # fmt: skip


def hand_over(installation: Installation, arguments: Sequence[str]) -> int:
    """Run a management command, ours or Django's, on our own terminal and return its status."""
    # For `recording_keys`; the processes of the server never get it.
    given = {name: os.environ[name] for name in PASSPHRASE_NAMES if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "server.manage", *arguments], env=installation.env | given,
        # Files are named from where the reader stands, not from the repository.
        cwd=Path.cwd(),
    ) as process:  # fmt: skip
        try:
            return process.wait()
        except KeyboardInterrupt:
            return process.wait()


def environment_python(home: Path) -> Path | None:
    """The Python of a complete environment, for commands that must not build one."""
    for kind in ("runtime", "test"):
        folder = environment_folder(home, kind)
        if (folder / "complete").exists():
            return folder
    return None


def preparation_fingerprint(options: Options) -> str:
    """Changes when migrations, the city or compiled loops do: then all of it is looked at again."""
    steps = [name for name in ("load_demo", "sign_ins", "warm") if manage_command_exists(name)]
    digest = hashlib.sha256(repr((options.city, steps)).encode())
    code = [
        *(REPO / "server").glob("**/migrations/*.py"), *(REPO / "gis_data/compiled").glob("*.py")
    ]  # fmt: skip
    for path in sorted(code):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def prepare_database(installation: Installation, say: Say) -> None:
    """Migrate, load the demo city and note the sign-ins; nothing when all that was done."""
    state = installation.state
    installation.site.cluster.ensure_database()
    if not (REPO / "server/config/urls.py").exists():
        say("server: not in this checkout yet, the database stays empty")
        return
    marker = state.root / "prepared.json"
    wanted = preparation_fingerprint(installation.options)
    try:
        if json.loads(marker.read_text(encoding="utf-8"))["fingerprint"] == wanted:
            return
    except (OSError, ValueError, KeyError, TypeError):
        marker.unlink(missing_ok=True)
    with say.step("database tables"):
        manage(installation, ["migrate", "--noinput"])
    if manage_command_exists("warm"):
        # Not while somebody waits for an answer, nor within a transaction of theirs.
        with say.step("machine code for pipes and streets"):
            manage(installation, ["warm"])
    if manage_command_exists("load_demo"):
        with say.step(f"the city of {installation.options.city}"):
            manage(installation, ["load_demo"])
    if manage_command_exists("sign_ins"):
        text = manage(installation, ["sign_ins", "--json"])
        try:
            json.loads(text)
        except ValueError:
            raise OpsError(f"sign_ins --json did not print JSON but: {text[:200]!r}") from None
        write_atomically(state.root / "sign_ins.json", text, 0o600)
    write_atomically(marker, json.dumps({"fingerprint": wanted}))


def forget_preparation(state: State) -> None:
    """The database has been changed from outside: look at it again at the next start."""
    (state.root / "prepared.json").unlink(missing_ok=True)


def outer_environment() -> dict[str, str]:
    """A copy of the caller's environment."""
    return dict(os.environ)
