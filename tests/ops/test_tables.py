"""The pure parts: profiles, packages, ports, secrets, settings."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import packages, ports
from ops.certificates import download_env
from ops.errors import OpsError
from ops.network import host_ipv4s
from ops.packages import POSTGIS, missing, postgis_package, wanted
from ops.paths import REPO, State
from ops.ports import PORTS, RTP_PORTS, choose_ports, ensure_ports
from ops.profiles import BEATING, PROFILES, PROGRAMS, find_profile, package_groups, programs_of
from ops.say import Say
from ops.secrets import ensure_secrets
from ops.settings import PASSED_ON, Options, server_env
from ops.telephone import asks_rating, exchange_settings

DEBIAN_12 = {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian 12"}
UBUNTU = {"ID": "ubuntu", "VERSION_ID": "24.04"}
SECRETS = dict.fromkeys(
    ("secret_key", "db_password", "mqtt_password", "ari_password", "ami_password",
     "phone_password_seed", "demo_password", "recording_keys"), "s"
)  # fmt: skip
ALL_PORTS = {name: 1000 + n for n, name in enumerate((*PORTS, "rtp_start", "rtp_end"))}


# --- profiles


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_starts_the_database_first_and_keeps_the_order(name: str) -> None:
    programs = PROFILES[name].programs
    assert programs[0] == "postgres" and "web" in programs
    assert list(programs) == [program for program in PROGRAMS if program in programs]
    # Who listens to a broker or to Asterisk does not run without it.
    assert "ingest" not in programs or "mosquitto" in programs
    assert "telephony" not in programs or "asterisk" in programs


def test_the_simulator_can_be_left_out_and_an_unknown_profile_names_the_known() -> None:
    full = find_profile("full")
    assert set(programs_of(full)) - set(programs_of(full, simulator=False)) == {"simulator"}
    assert set(programs_of(full)) >= BEATING
    with pytest.raises(OpsError, match="map-only"):
        find_profile("maps")


def test_the_operations_page_tells_of_every_profile_program_and_command() -> None:
    from ops.cli import COMMANDS

    page = (REPO / "docs/operations.md").read_text(encoding="utf-8")
    commands = [line.split()[0] for line in COMMANDS.splitlines()]
    for name in (*PROFILES, *PROGRAMS, *commands):
        assert f"`{name}" in page, name


# --- packages


def test_a_profile_without_telephone_needs_no_voice_and_no_caller() -> None:
    assert package_groups(PROFILES["map-only"].programs) == {"core"}
    assert package_groups(PROFILES["full"].programs) == {"core", "phones", "callers"}


def test_the_postgis_package_is_found_for_each_distribution() -> None:
    assert postgis_package(DEBIAN_12) == "postgresql-15-postgis-3"
    assert postgis_package(UBUNTU) == "postgresql-16-postgis-3"
    listed = "postgresql-17-postgis-3 - Geographic\npostgresql-9-postgis-3 - old\n"
    assert postgis_package({"ID": "devuan"}, listed) == "postgresql-17-postgis-3"
    with pytest.raises(OpsError, match="Plan 9"):
        postgis_package({"ID": "plan9", "PRETTY_NAME": "Plan 9"})


def test_ubuntu_is_not_asked_for_a_chromium_it_only_has_as_a_snap() -> None:
    assert "chromium" in {package.name for package in wanted({"tests"}, DEBIAN_12)}
    assert "chromium" not in {package.name for package in wanted({"tests"}, UBUNTU)}


def test_every_package_says_why_it_is_wanted() -> None:
    assert all(package.why and package.groups for package in packages.PACKAGES)


def test_a_plain_user_is_told_the_exact_command_and_nothing_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = [p for p in packages.PACKAGES if p.name in (POSTGIS, "mosquitto")]
    monkeypatch.setattr(packages, "missing", lambda groups, release: lacking)
    monkeypatch.setattr(packages, "os_release", lambda: DEBIAN_12)
    monkeypatch.setattr(packages, "_apt_search", lambda: "")
    monkeypatch.setattr(packages, "is_root", lambda: False)
    command = "apt-get install --no-install-recommends postgresql-15-postgis-3 mosquitto"
    with pytest.raises(OpsError, match=f"sudo {command}$"):
        packages.ensure_packages({"core"}, Say())
    with pytest.raises(OpsError, match=f"--no-install was given.*{command}$"):
        packages.ensure_packages({"core"}, Say(), install=False)
    assert "the broker for phones and vehicles" in capsys.readouterr().err


def test_nothing_is_missing_of_a_group_without_packages() -> None:
    assert missing(set(), DEBIAN_12) == []


def test_services_are_held_back_only_while_packages_install(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with packages.services_held_back(policy):
        assert os.access(policy, os.X_OK) and "exit 101" in policy.read_text()
    assert not policy.exists()
    # What an interrupted run left is ours to clear away; another's policy is not.
    policy.write_text(f"#!/bin/sh\n{packages.OUR_MARK}\nexit 101\n")
    with packages.services_held_back(policy):
        assert policy.exists()
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 0\n")
    with packages.services_held_back(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_the_default_cluster_is_switched_off_for_the_installation_alone(tmp_path: Path) -> None:
    config = tmp_path / "createcluster.conf"
    config.write_text("ssl = on\n")
    for _ in range(2):
        with packages.no_default_cluster(config):
            assert "create_main_cluster = false" in config.read_text()
        assert config.read_text() == "ssl = on\n"
    # An interrupted run's line does not stay for good.
    config.write_text(f"ssl = on\n\n{packages.OUR_MARK}\ncreate_main_cluster = false\n")
    with packages.no_default_cluster(config):
        assert config.read_text().count("create_main_cluster") == 1
    assert "create_main_cluster" not in config.read_text()


# --- ports


@given(st.sets(st.integers(15_000, 21_000), max_size=60), st.integers(0, 119).map(lambda n: n * 8))
def test_chosen_ports_are_free_and_all_different(taken: set[int], offset: int) -> None:
    chosen = choose_ports({}, offset=offset, free=lambda protocol, port: port not in taken)
    single = [chosen[name] for name in PORTS]
    assert len(set(single)) == len(single) and not set(single) & taken
    block = range(chosen["rtp_start"], chosen["rtp_end"] + 1)
    assert len(block) == RTP_PORTS and not set(block) & (taken | set(single))


def test_ports_are_kept_and_only_a_taken_one_is_chosen_anew() -> None:
    first = choose_ports({}, free=lambda protocol, port: True)
    assert choose_ports(first, free=lambda protocol, port: True) == first
    again = choose_ports(first, free=lambda protocol, port: port != first["mqtt"])
    assert again["mqtt"] != first["mqtt"]
    assert {k: v for k, v in again.items() if k != "mqtt"} == {
        k: v for k, v in first.items() if k != "mqtt"
    }


def test_a_named_port_is_taken_or_refused_never_replaced() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OpsError, match=f"--port {port}: something else"):
            choose_ports({}, web=port)
    assert choose_ports({}, web=port)["web"] == port
    with pytest.raises(OpsError, match="from 1 to 65535"):
        choose_ports({}, web=70_000)


def test_two_starts_at_one_moment_choose_different_ports(tmp_path: Path) -> None:
    ours, folder = State(tmp_path / "ours" / "state").prepare(), tmp_path / "claims"
    first = ensure_ports(ours, claimed=folder)
    # Another process chooses for a state with the same first choices, before anybody listens.
    command = [sys.executable, "-c", _ANOTHER_START, str(tmp_path / "theirs/state"), str(folder)]
    with subprocess.Popen(
        command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None and other.stdin is not None
        theirs = json.loads(other.stdout.readline())
        assert not set(theirs.values()) & set(first.values())
        assert theirs["rtp_start"] > first["rtp_end"] or first["rtp_start"] > theirs["rtp_end"]
        # While it lives what it has chosen is not to be had.
        with pytest.raises(OpsError, match="something else"):
            ensure_ports(ours, web=theirs["web"], claimed=folder)
        other.stdin.close()
    assert ensure_ports(ours, web=theirs["web"], claimed=folder)["web"] == theirs["web"]
    assert [path.stem for path in folder.glob("*.json")] == [str(os.getpid())]


_ANOTHER_START = """
import json, sys
from pathlib import Path
from ops.paths import State
from ops.ports import ensure_ports
state = State(Path(sys.argv[1])).prepare()
print(json.dumps(ensure_ports(state, claimed=Path(sys.argv[2]))), flush=True)
sys.stdin.read()
"""


def test_a_damaged_list_of_ports_is_named(state: State) -> None:
    (state.root / "ports.json").write_text("[1, 2")
    with pytest.raises(OpsError, match=r"ports\.json"):
        ports.read_ports(state)


# --- secrets, paths, settings


def test_secrets_are_random_kept_and_the_owners_alone(state: State) -> None:
    first = ensure_secrets(state)
    assert len(set(first.values())) == len(first) and all(
        len(value) >= 32 for name, value in first.items() if name != "demo_password"
    )
    assert ensure_secrets(state) == first
    assert (state.root / "secrets.json").stat().st_mode & 0o077 == 0
    (state.root / "secrets.json").write_text("{")
    with pytest.raises(OpsError, match="cannot be read"):
        ensure_secrets(state)


def test_a_state_whose_sockets_would_not_work_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="Choose a shorter path"):
        State(tmp_path / ("x" * 90)).prepare()


def test_a_state_below_a_file_is_refused_naming_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(OpsError, match="--state"):
        State(Path("/dev/null/state")).prepare()


def test_the_server_gets_every_setting_it_reads() -> None:
    env = server_env(
        State(Path("/s")), ALL_PORTS, SECRETS, Options(), vendor=Path("/v"), home=Path("/h"),
        outer={}, mqtt_owner="mosquitto",
    )  # fmt: skip
    assert all(name.startswith("STANDPIPE_") for name in env)
    read = set()
    for path in (REPO / "server").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "env." in text:
            read |= set(re.findall(r"""\benv\.[a-z]+\(\s*["']([A-Z0-9_]+)""", text))
        read |= set(re.findall(r"""environ\S*?\W["']STANDPIPE_([A-Z0-9_]+)["']""", text))
    # Where these have no value the server derives the folder from STANDPIPE_STATE.
    derived = {
        "RECORDINGS", "PHOTOS", "SMS_DIR", "STREETS", "NETWORK", "UPLOADS", "CALL_LOG", "TEST",
            "OWN_PROMPTS",
    }  # fmt: skip
    lacking = {f"STANDPIPE_{name}" for name in read - derived} - set(env) - set(PASSED_ON)
    assert not lacking, f"ops/settings.py gives no value for {sorted(lacking)}"


def test_callers_are_asked_how_it_went_unless_the_house_says_no() -> None:
    asked = {word: asks_rating({"STANDPIPE_ASK_RATING": word}) for word in ("", "yes", "1", "No")}
    assert asks_rating({}) and asked == {"": True, "yes": True, "1": True, "No": False}
    with pytest.raises(OpsError, match="STANDPIPE_ASK_RATING must be yes or no"):
        asks_rating({"STANDPIPE_ASK_RATING": "perhaps"})


def test_the_exchange_takes_the_houses_number_language_and_gateway() -> None:
    none = exchange_settings({}, network="127.0.0.1:15080")
    assert none == {
        "language": "en", "ask_rating": True, "trunk_contact": "127.0.0.1:15080",
        "trunk_addresses": (), "trunk_asked_s": 0,
    }  # fmt: skip
    theirs = exchange_settings({
        "STANDPIPE_SERVICE_NUMBER": "12319", "STANDPIPE_LANGUAGE": "zh-hans",
        "STANDPIPE_TRUNK_CONTACT": "10.0.0.5:5060",
        "STANDPIPE_TRUNK_ADDRESSES": "10.0.0.5, 10.0.1.0/28", "STANDPIPE_SIP_ADDRESS": "10.0.0.9",
    }, network="127.0.0.1:15080")  # fmt: skip
    assert theirs == {
        "service_number": "12319", "language": "zh", "ask_rating": True,
        "trunk_contact": "10.0.0.5:5060", "trunk_addresses": ("10.0.0.5", "10.0.1.0/28"),
        "trunk_asked_s": 30, "sip_address": "10.0.0.9",
    }  # fmt: skip
    asked = {"STANDPIPE_TRUNK_CONTACT": "10.0.0.5:5060", "STANDPIPE_TRUNK_ASKED_S": "0"}
    assert exchange_settings(asked)["trunk_asked_s"] == 0
    for bad in ("soon", "-1", "3601", "1.5"):
        with pytest.raises(OpsError, match="STANDPIPE_TRUNK_ASKED_S must be seconds"):
            exchange_settings({"STANDPIPE_TRUNK_ASKED_S": bad})


def test_what_the_caller_sets_goes_on_to_the_server_but_never_over_our_own() -> None:
    outer = {"STANDPIPE_LANGUAGE": "zh-hans", "STANDPIPE_DB_PASSWORD": "mine", "OTHER": "x"}
    env = server_env(
        State(Path("/s")), ALL_PORTS, SECRETS, Options(city="krems"), vendor=None,
        home=Path("/h"), outer=outer,
    )  # fmt: skip
    assert env["STANDPIPE_LANGUAGE"] == "zh-hans" and env["STANDPIPE_DB_PASSWORD"] == "s"
    assert env["STANDPIPE_CITY"] == "krems" and "OTHER" not in env


@pytest.mark.parametrize(
    ("told", "host"),
    [({}, "127.0.0.1"), ({"STANDPIPE_SIP_ADDRESS": "0.0.0.0"}, "127.0.0.1"),
     ({"STANDPIPE_SIP_ADDRESS": "192.0.2.9"}, "192.0.2.9")],
)  # fmt: skip
def test_the_demos_callers_find_the_exchange_where_it_listens(
    told: dict[str, str], host: str
) -> None:
    given = (State(Path("/s")), ALL_PORTS, SECRETS, Options(city="krems"))
    env = server_env(*given, vendor=None, home=Path("/h"), outer=told)
    assert env["STANDPIPE_SIP_HOST"] == host
    assert env["STANDPIPE_SIP_WS_URL"] == f"ws://127.0.0.1:{ALL_PORTS['ari']}/ws"
    proxied = {**told, "STANDPIPE_SIP_WS_URL": "wss://calls.example/ws"}
    env = server_env(*given, vendor=None, home=Path("/h"), outer=proxied)
    assert env["STANDPIPE_SIP_WS_URL"] == "wss://calls.example/ws"


def test_the_machines_own_addresses_are_read_from_the_kernels_table() -> None:
    table = """Local:
           |-- 127.0.0.1
              /32 host LOCAL
           |-- 192.0.2.2
              /32 host LOCAL
           |-- 192.0.2.255
              /32 link BROADCAST
"""
    assert host_ipv4s(table) == ["192.0.2.2"]
    assert host_ipv4s("") == []


# --- what is locked


@pytest.mark.parametrize("name", ["installer", "runtime", "test"])
def test_requirements_are_hashed_and_name_no_index_and_no_machine(name: str) -> None:
    text = (REPO / f"requirements/{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|index-url|find-links|@ /|/home|/root|/work", text)
    pinned = re.findall(r"^[A-Za-z0-9][^\s=]*==\S+", text, re.MULTILINE)
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_javascript_lock_names_packages_and_hashes_not_where_they_came_from() -> None:
    lock = json.loads((REPO / "package-lock.json").read_text(encoding="utf-8"))
    assert not any("resolved" in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
    wanted_versions = json.loads((REPO / "package.json").read_text(encoding="utf-8"))
    for version in wanted_versions["dependencies"].values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "registry" not in (REPO / ".npmrc").read_text().replace(
        "omit-lockfile-registry-resolved", ""
    )


def test_downloads_trust_the_machines_store_unless_told_otherwise(tmp_path: Path) -> None:
    store = tmp_path / "ca.crt"
    assert download_env({"A": "1"}, store) == {"A": "1"}
    store.write_text("")
    env = download_env({}, store)
    assert env["PIP_CERT"] == env["NODE_EXTRA_CA_CERTS"] == str(store)
    assert env["UV_SYSTEM_CERTS"] == "true"
    told = download_env({"PIP_CERT": "/mine", "SSL_CERT_FILE": "/mine"}, store)
    assert told["PIP_CERT"] == "/mine" and "UV_SYSTEM_CERTS" not in told


def test_a_second_telephone_site_comes_only_when_it_is_asked_for() -> None:
    full = find_profile("full")
    assert "asterisk2" not in programs_of(full)
    two = programs_of(full, sites=2)
    assert two.index("asterisk2") == two.index("asterisk") + 1
    assert "asterisk2" not in programs_of(find_profile("map-only"), sites=2)
    plain, both = (
        server_env(
            State(Path("/s")), ALL_PORTS, SECRETS, Options(sites=n), vendor=None, home=Path("/h"),
            outer={},
        )
        for n in (1, 2)
    )  # fmt: skip
    assert "STANDPIPE_FURTHER_SITES" not in plain
    (further,) = json.loads(both["STANDPIPE_FURTHER_SITES"])
    assert further["code"] == "sp2" and further["log"] == "/s/sp2/asterisk/log"
    assert further["ami"].endswith(str(ALL_PORTS["ami2"]))
