"""What the rendered configuration means, read back by small readers of our own."""

from __future__ import annotations

import re
import stat
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telephony.config import AsteriskConfig, ConfigError, Phone, derived_trunk_secret
from telephony.layout import LayoutError, find_layout
from telephony.sip import Peer

Sections = dict[str, list[tuple[str, str]]]


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """The skeleton of an unpacked Asterisk."""
    root = tmp_path / "px"
    for path in (
        "usr/sbin/asterisk",
        "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/asterisk/modules/app_queue.so",
        "usr/share/asterisk/documentation/core-en_US.xml",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@pytest.fixture
def config(prefix: Path, tmp_path: Path) -> AsteriskConfig:
    state = Path("/s")
    return AsteriskConfig(
        prefix=prefix, state=state, sip_port=15060, ari_port=18088, wss_port=None, ami_port=15038,
        rtp_start=30000, rtp_end=30400, pstn_port=15070, ari_user="standpipe",
        ari_password="ari-secret", ami_user="manager", ami_password="ami-secret",
        prompts=Path("/p"), recordings=Path("/s/recordings"), host_ipv4s=["192.0.2.2"],
        phones=[Phone("1001", "web", "Li Wei 李伟", True), Phone("1101", "desk", "Desk", False)],
    )  # fmt: skip


def sections(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Asterisk's ini form: repeated sections and keys are kept."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for line in text.splitlines():
        line = re.split(r"(?<!\\);", line)[0].strip()
        if match := re.fullmatch(r"\[([^\]]+)\].*", line):
            found.append((match[1], []))
        elif "=" in line:
            key, value = line.split("=", 1)
            found[-1][1].append((key.strip(), value.removeprefix(">").strip()))
    return found


def merged(text: str, name: str) -> dict[str, str]:
    return {k: v for section, pairs in sections(text) if section == name for k, v in pairs}


def dialplan(text: str) -> dict[str, dict[str, list[str]]]:
    """context -> extension -> applications in order."""
    contexts: dict[str, dict[str, list[str]]] = defaultdict(dict)
    context = extension = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"\[([\w-]+)\]", line.strip()):
            context = match[1]
        elif match := re.fullmatch(r"exten => ([^,]+),1,(.*)", line):
            extension = match[1]
            contexts[context][extension] = [match[2]]
        elif match := re.fullmatch(r" same => n(?:\([\w-]+\))?,(.*)", line):
            contexts[context][extension].append(match[1])
    return contexts


def test_a_trunk_call_reaches_the_application_before_anything_is_answered(
    config: AsteriskConfig,
) -> None:
    steps = dialplan(config.files()["extensions.conf"])["from-pstn"]["965113"]
    names = [step.split("(")[0] for step in steps]
    stasis = names.index("Stasis")
    assert "Answer" not in names[:stasis]
    assert steps[stasis] == "Stasis(standpipe,incoming,${EXTEN})"
    # a hung application is passed by, an absent one falls through
    assert "Set(TIMEOUT(absolute)=60)" in steps[:stasis]
    assert steps[-1] == "Goto(sp-fallback,s,1)"
    assert any("hangup_handler_push)=sp-ended" in step for step in steps[:stasis])
    assert steps[0] == "Set(__SP_CALL_ID=${UNIQUEID})"


def test_the_watchdog_and_the_fallback_lead_to_the_queue(config: AsteriskConfig) -> None:
    plan = dialplan(config.files()["extensions.conf"])
    assert plan["from-pstn"]["T"][-1] == "Goto(sp-fallback,s,1)"
    assert plan["sp-fallback"]["s"][-1] == "Goto(sp-queue,s,1)"
    queue = plan["sp-queue"]["s"]
    assert queue[0] == "Set(TIMEOUT(absolute)=0)"
    (monitor,) = [step for step in queue if step.startswith("MixMonitor")]
    assert "${SP_CALL_ID}.wav,b" in monitor and "r(" in monitor and "t(" in monitor
    # the gosub for the agent's channel is the seventh argument, T (caller may transfer) absent
    (call,) = [step for step in queue if step.startswith("Queue(")]
    arguments = call.removeprefix("Queue(").removesuffix(")").split(",")
    assert arguments[0] == "${SP_QUEUE}" and arguments[4] == "${SP_WAIT}"
    assert arguments[6] == "sp-answered"
    assert "T" not in arguments[1].split("b(")[0]
    assert plan["sp-to-queue"]["_[a-z]."][-1] == "Goto(sp-queue,s,1)"
    assert "PJSIP_HEADER(add,X-SP-Call-Id)=${SP_CALL_ID}" in plan["sp-predial"]["s"][0]


def test_every_jump_has_a_place_to_land(config: AsteriskConfig) -> None:
    text = config.files()["extensions.conf"]
    plan = dialplan(text)
    jumps = re.findall(r"Goto\(([\w-]+),(\w+),1\)", text)
    jumps += [(c, "s") for c in re.findall(r"(sp-(?:predial|answered|ended|agent-ended))", text)]
    assert len(jumps) > 8
    for context, extension in jumps:
        assert extension in plan[context], (context, extension)
    keys = merged(config.files()["queues.conf"], "sp-defaults")["context"]
    assert plan[keys]["9"] == ["Goto(sp-message,s,1)"]
    assert plan[keys]["2"] == ["Goto(sp-callback,s,1)"]


def test_nobody_is_asked_how_it_went_where_the_house_does_not_want_it(
    config: AsteriskConfig,
) -> None:
    asked = dialplan(config.files()["extensions.conf"])
    assert any("?sp-rate,s,1)" in step for step in asked["sp-talked"]["s"])
    # Closed before the question: what is pressed is in no recording.
    steps = [step.split("(")[0] for step in asked["sp-rate"]["s"]]
    assert steps.index("StopMixMonitor") < steps.index("Read")
    silent = dialplan(replace(config, ask_rating=False).files()["extensions.conf"])
    assert "sp-rate" not in silent and silent["sp-talked"]["s"][-1] == "Hangup(16)"
    assert not any("sp-rate" in step for step in silent["sp-talked"]["s"])


def test_the_trunk_can_never_dial_out(config: AsteriskConfig) -> None:
    text = config.files()["extensions.conf"]
    plan = dialplan(text)
    assert set(plan["from-pstn"]) == {"965113", "T", "_X!", "_+X!"}
    reachable, todo = set(), ["from-pstn"]
    while todo:
        context = todo.pop()
        if context in reachable:
            continue
        reachable.add(context)
        steps = [step for extension in plan[context].values() for step in extension]
        # Only a desk is rung on the way: the one that had the call already.
        rung = {step.split("(")[1].split(",")[0] for step in steps if step.startswith("Dial(")}
        assert rung <= {"PJSIP/${EXTEN}"}, context
        todo += [c for step in steps for c in re.findall(r"Goto\(([\w-]+),", step)]
    assert {"sp-fallback", "sp-queue", "sp-message"} <= reachable
    assert "include" not in text
    assert not {"sp-consult", "sp-transfer", "sp-dialled-agent", "sp-dial-out"} & reachable
    assert plan["sp-queue"]["s"][-1] == "Goto(join)"
    # desks reach each other and the queues, and nothing else
    assert set(plan["sp-transfer"]) == {"1001", "1101", "_[a-z].", "_X!", "_+X!"}
    dials = set(re.findall(r"Dial\(([^,]+),", text))
    # What an agent rings goes by the one guarded way out.
    assert dials == {
        "PJSIP/1001", "PJSIP/1101", "PJSIP/${EXTEN}", "PJSIP/${SP_TO}", "PJSIP/${SP_BACK}",
        "Local/${EXTEN}@sp-dial-out/n",
    }  # fmt: skip


def test_only_our_own_originate_leads_out_and_only_to_allowed_numbers(
    config: AsteriskConfig,
) -> None:
    text = replace(config, trunk_contact="127.0.0.1:5070").files()["extensions.conf"]
    plan = dialplan(text)
    ways_out = {
        context for context, extensions in plan.items()
        for steps in extensions.values() for step in steps if "@trunk" in step
    }  # fmt: skip
    assert ways_out == {"sp-dial-out"}
    # nobody jumps, includes or transfers there but a telephone that we rang for its agent, and a
    # consultation that a screen asks for, whose contexts nobody leads to: their names stand at
    # their own heads alone
    leading = {
        context for context, extensions in plan.items()
        for steps in extensions.values() for step in steps if "sp-dial-out" in step
    }  # fmt: skip
    assert leading == {"sp-dialled-agent", "sp-consult"}
    assert [text.count(f"{name}]") for name in leading] == [1, 1]
    assert not re.findall(r"[(,]sp-(?:dialled-agent|consult)[,)]", text)
    assert "_0ZXXXXX!" in plan["sp-dial-allowed"] and "_00!" in plan["sp-dial-denied"]
    endpoint = merged(config.files()["pjsip.conf"], "trunk")
    assert "aors" not in endpoint
    out = replace(config, trunk_contact="127.0.0.1:5070").files()["pjsip.conf"]
    assert merged(out, "trunk")["contact"] == "sip:127.0.0.1:5070"
    # a place that nobody can register at
    assert "max_contacts" not in merged(out, "trunk")


def test_what_a_caller_sends_is_filtered_before_it_is_used(config: AsteriskConfig) -> None:
    text = config.files()["extensions.conf"]
    for match in re.finditer(r"CALLERID\((num|name|all)\)", text):
        before = text[max(0, match.start() - 30) : match.start()]
        assert re.search(r"(FILTER\(0-9\+,x\$\{|URIENCODE\(x\$\{|\?Set\()$", before), before
    assert "System(" not in text and "SHELL(" not in text and "EVAL(" not in text


def test_the_trunk_is_known_by_its_secret_and_phones_by_their_password(
    config: AsteriskConfig,
) -> None:
    text = config.files()["pjsip.conf"]
    identify = merged(text, "trunk-by-header")
    assert identify["match_header"] == f"X-SP-Trunk: {derived_trunk_secret('ari-secret')}"
    order = merged(text, "global")["endpoint_identifier_order"].split(",")
    assert order[0] == "header" and order.index("header") < order.index("username")
    trunk = merged(text, "trunk")
    assert trunk["context"] == "from-pstn" and trunk["allow_transfer"] == "no"
    for extension, password in (("1001", "web"), ("1101", "desk")):
        phone = merged(text, extension)
        assert phone["context"] == "sp-internal" and phone["password"] == password
        assert "device_state_busy_at" not in phone
    assert merged(text, "1001")["webrtc"] == "yes" and "webrtc" not in merged(text, "1101")
    with_gateway = replace(config, trunk_addresses=["198.51.100.0/24"]).files()["pjsip.conf"]
    assert merged(with_gateway, "trunk-by-address")["match"] == "198.51.100.0/24"


def test_who_needs_no_password_is_never_known_by_a_name_that_anybody_can_write(
    config: AsteriskConfig,
) -> None:
    both = replace(config, peers=[Peer("north", "192.0.2.9:5060")], queue_sites=["north", "sp"])
    open_ones = [
        (name, dict(pairs))
        for name, pairs in sections(both.files()["pjsip.conf"])
        if dict(pairs).get("type") == "endpoint" and "auth" not in dict(pairs)
    ]
    assert {name for name, _ in open_ones} == {"trunk", "site-north"}
    for name, values in open_ones:
        known_by = values["identify_by"].split(",")
        assert known_by[0] == "header" and not {"username", "auth_username"} & set(known_by), name


def test_media_and_doors_stay_on_the_loopback_address(config: AsteriskConfig) -> None:
    files = config.files()
    assert merged(files["rtp.conf"], "ice_host_candidates") == {"192.0.2.2": "127.0.0.1"}
    assert merged(files["rtp.conf"], "general")["ice_deny"] == "::/0"
    for name, pairs in sections(files["pjsip.conf"]):
        values = dict(pairs)
        if values.get("type") == "endpoint":
            assert values["media_address"] == "127.0.0.1", name
            assert values["direct_media"] == "no", name
    assert merged(files["http.conf"], "general")["bindaddr"] == "127.0.0.1"
    manager = merged(files["manager.conf"], "general")
    assert manager["bindaddr"] == "127.0.0.1"
    account = merged(files["manager.conf"], "manager")
    assert account["deny"] == "0.0.0.0/0.0.0.0" and account["permit"].startswith("127.")
    # with `system`, Originate would run programs; with the others the console does
    assert not {"command", "config", "system"} & set(account["write"].split(","))
    assert "originate" in account["write"].split(",")


@pytest.mark.parametrize("address", ["192.0.2.2", "0.0.0.0"])
def test_on_a_network_sip_and_sound_have_its_address_and_our_own_doors_stay(
    config: AsteriskConfig, address: str
) -> None:
    files = replace(config, sip_address=address).files()
    assert "ice_host_candidates" not in files["rtp.conf"]
    assert merged(files["http.conf"], "general")["bindaddr"] == "127.0.0.1"
    assert merged(files["manager.conf"], "general")["bindaddr"] == "127.0.0.1"
    assert merged(files["pjsip.conf"], "transport-udp")["bind"] == f"{address}:{config.sip_port}"
    for name, pairs in sections(files["pjsip.conf"]):
        values = dict(pairs)
        if values.get("type") == "endpoint":
            # Every address: each talk has the one by which the other side is reached.
            wanted = None if address == "0.0.0.0" else address
            assert values.get("media_address") == wanted, name
            assert values["direct_media"] == "no", name


def test_a_free_agent_is_never_kept_from_a_caller_by_an_announcement(
    config: AsteriskConfig,
) -> None:
    queue = merged(config.files()["queues.conf"], "sp-defaults")
    assert queue["announce-to-first-user"] == "no" and queue["ringinuse"] == "no"
    assert "periodic-announce" not in queue and queue["announce-frequency"] == "0"
    assert queue["setinterfacevar"] == "yes"
    # A caller is not sent away because everybody is writing something down just now.
    assert queue["joinempty"] == "unavailable,invalid"
    text = replace(config, further_queues=["billing"]).files()
    assert "[billing](sp-defaults)" in text["queues.conf"]


def test_every_directory_of_asterisk_lies_in_the_state(config: AsteriskConfig) -> None:
    values = merged(config.files()["asterisk.conf"], "directories")
    for key in ("astetcdir", "astvarlibdir", "astdbdir", "astkeydir", "astagidir",
                "astspooldir", "astrundir", "astlogdir"):  # fmt: skip
        assert values[key].startswith("/s/asterisk/"), key
    assert merged(config.files()["asterisk.conf"], "options")["live_dangerously"] == "no"


def test_asterisk_runs_through_its_own_loader_or_as_the_machines_package(
    config: AsteriskConfig, prefix: Path
) -> None:
    command = config.command()
    assert command[0].endswith("ld-linux-x86-64.so.2") and command[1] == "--library-path"
    assert command[-3:] == ["-f", "-C", "/s/asterisk/etc/asterisk.conf"]
    (prefix / "usr/sbin/asterisk").unlink()
    with pytest.raises(LayoutError, match="asterisk binary"):
        find_layout(prefix)


HOSTILE = ["a\nb", "a;b", "a[b]", "a]b", 'a"b', "a\\b", "a=b", "a,b", "a|b", "${x}", " a", "", "\t"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["ari_user", "ari_password", "ami_user", "ami_password"])
def test_a_value_that_would_break_a_file_is_refused_naming_its_field(
    config: AsteriskConfig, field: str, value: str
) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(ConfigError) as refused:
        replace(config, **changes).files()
    assert refused.value.field == field


@pytest.mark.parametrize("value", HOSTILE)
def test_a_phone_with_a_hostile_name_or_password_is_refused(
    config: AsteriskConfig, value: str
) -> None:
    with pytest.raises(ConfigError, match=r"phones\.1001\.name"):
        replace(config, phones=[Phone("1001", "ok", value, True)]).files()
    with pytest.raises(ConfigError, match=r"phones\.1001\.password"):
        replace(config, phones=[Phone("1001", value, "ok", True)]).files()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sip_port": 80}, "sip_port"),
        ({"ami_port": 70000}, "ami_port"),
        ({"rtp_end": 30001}, "rtp_end"),
        ({"wss_port": 18089}, "tls_certificate"),
        ({"service_number": "112;"}, "service_number"),
        ({"queue": "faults]"}, "queue"),
        ({"further_queues": ["Bil ling"]}, "further_queues"),
        ({"site": "sp-1"}, "site"),
        ({"bind_address": "localhost"}, "bind_address"),
        ({"sip_address": "pbx.example"}, "sip_address"),
        ({"host_ipv4s": ["::1"]}, "host_ipv4s"),
        ({"trunk_addresses": ["gateway"]}, "trunk_addresses"),
        ({"trunk_contact": "gateway"}, "trunk_contact"),
        ({"trunk_contact": "a;b:5060"}, "trunk_contact"),
        ({"trunk_asked_s": 4000}, "trunk_asked_s"),
        ({"dial_allowed": ["0!,1,System(id)"]}, "dial_allowed"),
        ({"dial_denied": ["0[0-9"]}, "dial_denied"),
        ({"phones": [Phone("10 01", "a", "b", True)]}, "phones.extension"),
        ({"phones": [Phone("1001", "a", "b", True)] * 2}, "phones.extension"),
        ({"phones": [Phone("965113", "a", "b", True)]}, "phones.extension"),
        ({"state": Path("relative")}, "state"),
        ({"state": Path("/with space")}, "state"),
        ({"recordings": Path("/r,x")}, "recordings"),
        ({"prompts": Path("/$(id)")}, "prompts"),
        ({"state": Path("/" + "x" * 90)}, "state"),
    ],
)
def test_an_unusable_value_is_refused_naming_its_field(
    config: AsteriskConfig, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        replace(config, **changes).files()
    assert refused.value.field == field


def test_files_are_written_for_the_owner_alone_and_stale_ones_go(
    config: AsteriskConfig, tmp_path: Path
) -> None:
    home = replace(config, state=tmp_path / "s", recordings=tmp_path / "r", prompts=tmp_path / "p")
    (tmp_path / "s/asterisk/etc").mkdir(parents=True)
    (tmp_path / "s/asterisk/etc/users.conf").touch()
    home.write()
    home.write()
    etc = tmp_path / "s/asterisk/etc"
    assert not (etc / "users.conf").exists()
    for path in etc.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert (tmp_path / "s/asterisk/spool/outgoing").is_dir()
