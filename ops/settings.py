"""The environment of the server's processes, from one table.

The containers (docker-compose.yml) set the same names; tests/ops compares the two.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.paths import REPO, State
from ops.phones import DESK_PHONES
from ops.telephone import sip_host

HOST = "127.0.0.1"
DB_NAME = "standpipe"
DB_USER = "standpipe"
DB_ADMIN = "standpipe_admin"
MQTT_USER = "server"
ARI_USER = AMI_USER = "standpipe"
FIRST_SITE, SECOND_SITE = "sp", "sp2"

# Named in the caller's environment, these go on to the server's processes as they are.
PASSED_ON = (
    "STANDPIPE_HOSTS", "STANDPIPE_TRUSTED_ORIGINS", "STANDPIPE_HTTPS", "STANDPIPE_DEMO",
    "STANDPIPE_DEBUG", "STANDPIPE_UTILITY", "STANDPIPE_SERVICE_NUMBER", "STANDPIPE_MEASURE_EPSG",
    "STANDPIPE_COUNTRY_CODE", "STANDPIPE_AREA_CODE", "STANDPIPE_SMS_GATEWAY", "STANDPIPE_SMS_URL",
    "STANDPIPE_SMS_KEY", "STANDPIPE_INBOUND_KEY", "STANDPIPE_STALE_FIX_S", "STANDPIPE_OLD_FIX_S",
    "STANDPIPE_UPLOAD_MB",
    "STANDPIPE_TRACK_RAW_DAYS", "STANDPIPE_TRACK_KEPT_DAYS", "STANDPIPE_POSITION_FORMATS",
    "STANDPIPE_TIME_ZONE", "STANDPIPE_LANGUAGE", "STANDPIPE_SITE", "STANDPIPE_WEBHOOK_HOSTS",
    "STANDPIPE_NOTICE_HOURS", "STANDPIPE_NOTICE_LONG_HOURS", "STANDPIPE_NOTICE_LONG_OVER",
    "STANDPIPE_NOTICE_SHARE", "STANDPIPE_NOTICE_FROM_HOUR", "STANDPIPE_NOTICE_TO_HOUR",
    "STANDPIPE_ANSWER_S", "STANDPIPE_ETA_LINK", "STANDPIPE_PLAN_DRIFT_S",
    "STANDPIPE_PLAN_SWITCHING_S", "STANDPIPE_WORK_SOFT_H", "STANDPIPE_WORK_MOST_H",
    "STANDPIPE_REST_SOFT_H", "STANDPIPE_REST_LEAST_H", "STANDPIPE_NIGHTS_SOFT",
    "STANDPIPE_NIGHTS_MOST", "STANDPIPE_BILLING_URL", "STANDPIPE_BILLING_TOKEN",
    "STANDPIPE_CURRENCY", "STANDPIPE_FURTHER_SITES", "STANDPIPE_TRUSTED_ADDRESSES",
    "STANDPIPE_ASTERISK_PREFIX", "STANDPIPE_TRUNKS",
    "STANDPIPE_DUNNING_AFTER_TEXT_H",
    "STANDPIPE_DUNNING_AFTER_CALL_H", "STANDPIPE_DUNNING_NOTICE_H",
    "STANDPIPE_RECORDING_DAYS",
    "STANDPIPE_RECORDING_FULL_PERCENT", "STANDPIPE_RECORDING_LEAST_DAYS",
    "STANDPIPE_RECORDING_NETWORKS", "STANDPIPE_TELL_LISTENED",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What `up` was told; kept in options.json so that later commands know."""

    profile: str = "full"
    city: str = "helsinki"
    simulator: bool = True
    sites: int = 1

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def server_env(
    state: State,
    ports: Mapping[str, int],
    secrets: Mapping[str, str],
    options: Options,
    *,
    vendor: Path | None,
    home: Path,
    mqtt_owner: str | None = None,
    outer: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Every STANDPIPE_ name that a process of the server reads, by value."""
    env = {name: outer[name] for name in PASSED_ON if name in outer}
    env |= {
        "STANDPIPE_STATE": str(state.root),
        "STANDPIPE_HOME": str(home),
        "STANDPIPE_SECRET_KEY": secrets["secret_key"],
        "STANDPIPE_DB_HOST": HOST,
        "STANDPIPE_DB_PORT": str(ports["postgres"]),
        "STANDPIPE_DB_NAME": DB_NAME,
        "STANDPIPE_DB_USER": DB_USER,
        "STANDPIPE_DB_PASSWORD": secrets["db_password"],
        "STANDPIPE_WEB_PORT": str(ports["web"]),
        "STANDPIPE_MQTT_HOST": HOST,
        "STANDPIPE_MQTT_PORT": str(ports["mqtt"]),
        "STANDPIPE_MQTT_USER": MQTT_USER,
        "STANDPIPE_MQTT_PASSWORD": secrets["mqtt_password"],
        "STANDPIPE_ARI_URL": f"http://{HOST}:{ports['ari']}/ari",
        "STANDPIPE_ARI_USER": ARI_USER,
        "STANDPIPE_ARI_PASSWORD": secrets["ari_password"],
        "STANDPIPE_AMI_HOST": HOST,
        "STANDPIPE_AMI_PORT": str(ports["ami"]),
        "STANDPIPE_AMI_USER": AMI_USER,
        "STANDPIPE_AMI_PASSWORD": secrets["ami_password"],
        "STANDPIPE_SIP_HOST": sip_host(outer),
        "STANDPIPE_SIP_PORT": str(ports["sip"]),
        "STANDPIPE_PSTN_PORT": str(ports["pstn"]),
        # Where our own calls go out: a gateway (host:port) or the demo's simulated network.
        "STANDPIPE_TRUNK_CONTACT": outer.get(
            "STANDPIPE_TRUNK_CONTACT", f"{HOST}:{ports['network']}"
        ),
        # Where browsers find the exchange: behind a proxy that speaks TLS, by the proxy's name.
        "STANDPIPE_SIP_WS_URL": outer.get(
            "STANDPIPE_SIP_WS_URL", f"ws://{HOST}:{ports['ari']}/ws"
        ),
        "STANDPIPE_DESK_PHONES": ",".join(DESK_PHONES),
        "STANDPIPE_PHONE_PASSWORD_SEED": secrets["phone_password_seed"],
        # On a machine the state's file has them (ops/secrets.py); these come from outside.
        "STANDPIPE_RECORDING_KEYS": outer.get(
            "STANDPIPE_RECORDING_KEYS", secrets.get("recording_keys", "")
        ),
        "STANDPIPE_PROMPTS": str(home / "prompts"),
        "STANDPIPE_DEMO_PASSWORD": secrets["demo_password"],
        "STANDPIPE_CITY": options.city,
        "STANDPIPE_PROFILE": options.profile,
    }
    if options.sites > 1:
        env["STANDPIPE_FURTHER_SITES"] = json.dumps([{
            "code": SECOND_SITE, "ari": f"http://{HOST}:{ports['ari2']}/ari",
            "ami": f"{HOST}:{ports['ami2']}", "log": str(state.root / SECOND_SITE / "asterisk/log"),
            "ws": f"ws://{HOST}:{ports['ari2']}/ws",
        }])  # fmt: skip
    if vendor is not None:
        env["STANDPIPE_VENDOR_DIR"] = str(vendor)
    if mqtt_owner:
        # Root adds a device's account to a file that the broker's own user must read.
        env["STANDPIPE_MQTT_OWNER"] = mqtt_owner
    env.setdefault("STANDPIPE_TIME_ZONE", "Europe/Helsinki")
    env.setdefault("STANDPIPE_LANGUAGE", "en")
    return env


def process_env(server: Mapping[str, str], outer: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`server` plus the little of the outer environment that programs need to run at all."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
    env = {name: outer[name] for name in kept if name in outer}
    env.setdefault("LANG", "C.UTF-8")
    env["PYTHONUNBUFFERED"] = "1"
    env["PYTHONPATH"] = str(REPO)
    return env | dict(server)
