"""What runs inside the containers of docker-compose.yml, made by the same code as on a machine.

    python -m ops.containers env              print a .env file with fresh secrets (host)
    python -m ops.containers prepare DIR      browser libraries into DIR/vendor (image build)
    python -m ops.containers messages         compile the translations (image build)
    python -m ops.containers configure        prompts and the broker's files (one-shot service)
    python -m ops.containers asterisk         Asterisk's files, then Asterisk itself (its service)

All containers share the host's network, so addresses and ports are those of ops/settings.py, and
Asterisk's audio needs no published range.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path

from ops.errors import OpsError
from ops.paths import State
from ops.ports import PORTS, RTP_FIRST, RTP_PORTS
from ops.postgres import DATABASE_STATEMENT, EXTENSION_STATEMENTS, role_statement
from ops.say import Say
from ops.secrets import NAMES, RECORDING_KEYS
from ops.settings import AMI_USER, ARI_USER, DB_NAME, MQTT_USER
from ops.telephone import exchange_settings

HOME = Path("/var/lib/standpipe")
STATE = HOME / "state"
VENDOR = Path("/opt/standpipe/vendor")
FIXED_PORTS = {
    **{name: port for name, (_, port) in PORTS.items()},
    "rtp_start": RTP_FIRST,
    "rtp_end": RTP_FIRST + RTP_PORTS - 1,
}


def variable(secret: str) -> str:
    """Name of the environment variable that carries a secret into the containers."""
    return f"STANDPIPE_{secret.upper()}"


def env_file() -> str:
    """A .env for docker compose: one fresh secret per line."""
    lines = [
        f"{variable(name)}={secrets.token_hex(4 if name == 'demo_password' else 24)}"
        for name in (*NAMES, RECORDING_KEYS)
    ]
    return "\n".join(lines) + "\n"


def postgres_init() -> str:
    """The database image's first-start script; docker/postgres/10-standpipe.sh holds this text."""
    role = role_statement("$STANDPIPE_DB_PASSWORD")
    return f"""#!/bin/sh
# Made by ops/containers.py: the role, the database and its extensions, at the first start.
set -eu
run() {{ psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$1" -c "$2"; }}
run postgres "{role}"
run template1 "{EXTENSION_STATEMENTS}"
run postgres "{DATABASE_STATEMENT}"
run {DB_NAME} "{EXTENSION_STATEMENTS}"
"""


def prepare(folder: Path, say: Say) -> None:
    """Fetch the browser's libraries with the Node of this environment."""
    from ops.javascript import ensure_vendor

    vendor = ensure_vendor(folder, Path(sys.executable).parent, say)
    shutil.copytree(vendor, folder / "vendor", dirs_exist_ok=True)
    shutil.rmtree(vendor.parent)


def configure(say: Say) -> None:
    """Prompts and the broker's files in the shared volume."""
    from mqtt.broker import BrokerConfig
    from ops.programs import ensure_prompts, position_formats

    State(STATE).prepare()
    ensure_prompts(HOME, say)
    BrokerConfig(
        state=STATE / "mosquitto", port=FIXED_PORTS["mqtt"], server_user=MQTT_USER,
        server_password=_secret("mqtt_password"), formats=position_formats(),
    ).write()  # fmt: skip


def asterisk() -> None:
    """Write Asterisk's files and become Asterisk; only in the container that has it."""
    from ops.network import host_ipv4s
    from ops.phones import phones
    from telephony.config import AsteriskConfig

    config = AsteriskConfig(
        prefix=Path("/"), state=STATE, sip_port=FIXED_PORTS["sip"], ari_port=FIXED_PORTS["ari"],
        wss_port=None, ami_port=FIXED_PORTS["ami"], rtp_start=FIXED_PORTS["rtp_start"],
        rtp_end=FIXED_PORTS["rtp_end"], pstn_port=FIXED_PORTS["pstn"], ari_user=ARI_USER,
        ari_password=_secret("ari_password"), ami_user=AMI_USER,
        ami_password=_secret("ami_password"), prompts=HOME / "prompts",
        recordings=STATE / "recordings", phones=phones(_secret("phone_password_seed")),
        host_ipv4s=host_ipv4s(), **exchange_settings(),
    )  # fmt: skip
    config.write()
    command = config.command()
    os.execvp(command[0], command)


def _secret(name: str) -> str:
    value = os.environ.get(variable(name), "")
    if not value:
        raise OpsError(f"{variable(name)} is not set: make a .env with `ops.containers env`")
    return value


def main(words: list[str]) -> int:
    """Run one of the commands above; the exit status."""
    say = Say()
    try:
        match words:
            case ["env"]:
                print(env_file(), end="")
            case ["prepare", folder]:
                prepare(Path(folder), say)
            case ["messages"]:
                from ops.messages import compile_messages

                compile_messages(say)
            case ["configure"]:
                configure(say)
            case ["asterisk"]:
                asterisk()
            case _:
                raise OpsError((__doc__ or "").strip(), 2)
    except OpsError as error:
        say(f"ops.containers: {error}")
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
