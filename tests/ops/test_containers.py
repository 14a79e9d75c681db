"""docker-compose.yml and the Dockerfiles against the tables that `./standpipe up` uses.

No container engine is needed, and none was used: this reads the files and compares.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ops.containers import FIXED_PORTS, HOME, STATE, VENDOR, env_file, postgres_init, variable
from ops.paths import REPO, State
from ops.postgres import TUNING
from ops.profiles import PROGRAMS
from ops.programs import MANAGE, WEB
from ops.secrets import NAMES, RECORDING_KEYS
from ops.settings import DB_ADMIN, HOST, Options, server_env

OURS = ("web", "worker", "subscribers", "clock", "ingest", "telephony", "dialler",
        "simulator")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load((REPO / "docker-compose.yml").read_text("utf-8"))
    return held


def test_there_is_a_container_for_every_program(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*PROGRAMS, "configure", "migrate"}
    assert compose["services"]["simulator"]["profiles"] == ["demo"]


def test_the_servers_containers_get_the_servers_settings(compose: dict[str, Any]) -> None:
    marks = {name: f"<{variable(name)}>" for name in (*NAMES, RECORDING_KEYS)}
    wanted = server_env(
        State(STATE), FIXED_PORTS, marks, Options(), vendor=VENDOR, home=HOME, outer={}
    )
    for name in (*OURS, "migrate", "configure"):
        given = {
            key: re.sub(r"^\$\{(\w+):\?.*\}$", r"<\1>", value)
            for key, value in compose["services"][name]["environment"].items()
        }
        assert given == wanted, name


def test_commands_are_those_of_the_supervised_programs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    web = ["python", *WEB, "--host", HOST, "--port", str(FIXED_PORTS["web"])]
    assert services["web"]["command"] == web
    for name in OURS[1:]:
        assert services[name]["command"] == ["python", *MANAGE, name]
    broker = services["mosquitto"]["command"]
    assert broker == ["mosquitto", "-c", str(STATE / "mosquitto/mosquitto.conf")]


def test_the_database_is_tuned_and_bound_as_on_a_machine(compose: dict[str, Any]) -> None:
    service = compose["services"]["postgres"]
    flags = dict(word.removeprefix("-c").split("=", 1) for word in service["command"][1:])
    port = str(FIXED_PORTS["postgres"])
    assert flags == {"listen_addresses": HOST, "port": port, **TUNING}
    assert service["environment"]["POSTGRES_USER"] == DB_ADMIN
    assert service["environment"]["PGPORT"] == port
    assert service["stop_signal"] == "SIGINT"
    assert (REPO / "docker/postgres/10-standpipe.sh").read_text("utf-8") == postgres_init()


def test_every_volume_image_and_dependency_is_declared(compose: dict[str, Any]) -> None:
    services = compose["services"]
    built = {services[name]["image"] for name in ("configure", "asterisk")}
    for name, service in services.items():
        image = service["image"]
        assert image in built or re.search(r":\d", image), f"{name}: image without a version"
        assert service["network_mode"] == "host" and "ports" not in service
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (REPO / source).exists(), volume


def test_no_secret_is_written_down_and_the_env_file_has_them_all(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for key, value in service["environment"].items() if "environment" in service else ():
            if re.search(r"PASSWORD|SECRET|SEED", key):
                assert re.fullmatch(r"\$\{STANDPIPE_\w+:\?.+\}", value), key
    lines = dict(line.split("=", 1) for line in env_file().splitlines())
    assert set(lines) == {variable(name) for name in (*NAMES, RECORDING_KEYS)}
    assert len(set(lines.values())) == len(lines)


def test_dockerfiles_use_what_is_in_the_repository() -> None:
    for path in (REPO / "Dockerfile", REPO / "docker/asterisk/Dockerfile"):
        text = path.read_text("utf-8")
        for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
            for name in source.split():
                assert (REPO / name).exists(), f"{path.name}: COPY {name}"
        assert "--require-hashes" in text or "pip" not in text
        assert re.search(r"^USER (?!root)", text, re.MULTILINE), f"{path.name} runs as root"
        assert "ops.containers" in text
