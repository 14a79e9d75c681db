"""Is it well? The answer as a value, as JSON and as lines. The JSON's shape is public."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from ops import VERSION, probes
from ops.paths import State
from ops.ports import read_ports
from ops.profiles import BEATING, PROFILES
from ops.settings import HOST
from ops.site import read_options
from ops.supervise import ProcessState, Supervisor

STALE_BEAT_S = 30.0
NOT_RUNNING = 3  # exit status


def read_status(state: State) -> dict[str, Any]:
    """`{"healthy", "version", "urls", "services", "sign_in"}`; see docs/operations.md.

    A service that is not well has a `reason` beside its `state`.
    """
    supervisor = Supervisor(state)
    ports = read_ports(state)
    options = read_options(state)
    processes = supervisor.processes()
    running = {p.name: p for p in processes if p.state == "running"}
    answer = probes.health(ports["web"]) if "web" in running else None
    beats = _beats(answer)
    services: dict[str, dict[str, Any]] = {}
    for process in processes:
        beat = beats.get(process.name)
        row: dict[str, Any] = {
            "state": process.state, "pid": process.pid or None, "last_beat_s": beat,
        }  # fmt: skip
        if reason := _reason(process, answer, beats):
            row["reason"] = reason
        services[process.name] = row
    healthy = bool(services) and not any("reason" in row for row in services.values())
    return {
        "healthy": healthy,
        "version": VERSION,
        "urls": urls(ports, options.profile) if services else {},
        "services": services,
        "sign_in": sign_ins(state),
    }


def _beats(answer: dict[str, Any] | None) -> dict[str, float]:
    held = (answer or {}).get("beats")
    if not isinstance(held, dict):
        return {}
    ages: dict[str, float] = {}
    for name, beat in held.items():
        age = beat.get("age_s") if isinstance(beat, dict) else beat
        if isinstance(age, (int, float)):
            # The database's clock may run a moment ahead of the question.
            ages[str(name)] = max(0.0, round(float(age), 1))
    return ages


def _reason(
    process: ProcessState, answer: dict[str, Any] | None, beats: dict[str, float]
) -> str | None:
    name = process.name
    if process.state != "running":
        return process.detail or process.state
    if name == "web" and answer is None:
        return "runs but does not answer on /health"
    if name in BEATING and answer is not None and "beats" in answer:
        # A beat older than the process is its predecessor's; ages are rounded.
        if beats.get(name, math.inf) > process.up_s + 1:
            return "has not done anything since it started"
        if beats[name] > STALE_BEAT_S:
            return f"last did something {beats[name]:.0f} s ago"
    return None


def urls(ports: dict[str, int], profile: str) -> dict[str, str]:
    """Addresses worth opening, by name."""
    base = f"http://{HOST}:{ports['web']}"
    screens = PROFILES[profile].screens if profile in PROFILES else ()
    found = {"home": f"{base}/", "health": f"{base}/health", "api": f"{base}/api/schema"}
    found |= {screen: f"{base}/{screen}" for screen in screens}
    programs = PROFILES[profile].programs if profile in PROFILES else ()
    if "mosquitto" in programs:
        found["mqtt"] = f"mqtt://{HOST}:{ports['mqtt']}"
    if "asterisk" in programs:
        found["sip"] = f"sip:{HOST}:{ports['sip']}"
    return found


def sign_ins(state: State) -> dict[str, dict[str, str]]:
    """One user and password per role, as the demo made them; empty before that."""
    try:
        held = json.loads((state.root / "sign_ins.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(held, dict):
        return {}
    return {
        str(role): {"user": str(entry["user"]), "password": str(entry["password"])}
        for role, entry in held.items()
        if isinstance(entry, dict) and {"user", "password"} <= entry.keys()
    }


def wait_until_healthy(state: State, patience_s: float = 60.0) -> dict[str, Any]:
    """The first healthy status, or the last one when patience ends.

    What keeps crashing gets a third of the patience: it will not come right by waiting.
    """
    began = time.monotonic()
    while True:
        status = read_status(state)
        waited = time.monotonic() - began
        crashing = any(
            row["state"] in ("backoff", "fatal", "exited") for row in status["services"].values()
        )
        if status["healthy"] or waited > (patience_s / 3 if crashing else patience_s):
            return status
        time.sleep(0.25)


def as_lines(status: dict[str, Any]) -> list[str]:
    """For people."""
    if not status["services"]:
        return ["Standpipe is not running. Start it with ./standpipe up"]
    lines = ["Standpipe is well." if status["healthy"] else "Standpipe is not well:"]
    for name, row in status["services"].items():
        beat = f"beat {row['last_beat_s']:.0f} s ago" if row["last_beat_s"] is not None else ""
        pid = f"pid {row['pid']}" if row["pid"] else ""
        lines.append(f"  {name:12} {row['state']:9} {pid:12} {row.get('reason', beat)}".rstrip())
    lines.append("")
    lines += [f"  {name:12} {url}" for name, url in status["urls"].items()]
    if status["sign_in"]:
        lines += ["", "Sign in as:"]
        lines += [
            f"  {role:12} {entry['user']:14} {entry['password']}"
            for role, entry in status["sign_in"].items()
        ]
    return lines
