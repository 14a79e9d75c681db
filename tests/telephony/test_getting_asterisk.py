"""Where Asterisk comes from: the machine's mirror is found, a complete prefix is used as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.asterisk import (
    MARKER,
    AsteriskError,
    Source,
    choose_mirror,
    ensure_asterisk,
    host_sources,
    installed_prefix,
    parse_deb822_sources,
    parse_one_line_sources,
    parse_version,
    read_os_release,
)

DEB822 = """# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://security.example/debian-security
Suites:
 bookworm-security
Components: main
"""


def test_the_machines_mirror_is_read_from_either_form(tmp_path: Path) -> None:
    found = parse_deb822_sources(DEB822)
    assert choose_mirror(found, "bookworm") == "http://mirror.example/debian"
    assert "bookworm-security" in {source.suite for source in found}
    assert not any("off.example" in source.uri for source in found)
    lines = (
        "# deb http://no.example x main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://vendor.example/apt stable extra\n"
        "deb http://mirror.example/debian bookworm main # the mirror\n"
        "deb-src http://mirror.example/debian bookworm main\n"
    )
    assert choose_mirror(parse_one_line_sources(lines), "bookworm") == "http://mirror.example/debian"
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(lines)
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/readme.txt").write_text(lines)
    assert len(host_sources(tmp_path)) == 5


def test_a_machine_without_a_mirror_is_told_what_to_do() -> None:
    with pytest.raises(AsteriskError, match="bookworm"):
        choose_mirror([Source("http://vendor.example", "stable", ("main",))], "bookworm")


def test_versions_and_releases_are_read() -> None:
    assert parse_version("Asterisk 22.10.1~dfsg+~cs6.17.6-1\n") == "22.10.1"
    assert parse_version("22.10.1~dfsg-1") == "22.10.1"
    assert parse_version("none") == ""
    release = read_os_release('ID=debian\nVERSION_CODENAME="bookworm"\n')
    assert release == {"ID": "debian", "VERSION_CODENAME": "bookworm"}


def skeleton(root: Path, version: str, *, whole: bool = True) -> None:
    paths = [
        "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/asterisk/modules/app_queue.so",
        "usr/share/asterisk/documentation/core-en_US.xml",
    ]
    for path in [*paths, *(["usr/sbin/asterisk"] if whole else [])]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / MARKER).write_text(json.dumps({"version": version}))


def test_the_newest_whole_prefix_is_used_without_asking_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skeleton(tmp_path / "asterisk-22.9.2", "22.9.2")
    skeleton(tmp_path / "asterisk-22.10.1", "22.10.1")
    skeleton(tmp_path / "asterisk-23.0.0", "23.0.0", whole=False)
    skeleton(tmp_path / "asterisk-18.1.0", "18.1.0")
    (tmp_path / "asterisk-24.0.0").mkdir()
    (tmp_path / "asterisk-24.0.0" / MARKER).write_text("{half")
    monkeypatch.setattr("ops.asterisk.system_asterisk", lambda: None)
    said: list[str] = []
    install = ensure_asterisk(tmp_path, said.append)
    assert (install.kind, install.version, said) == ("prefix", "22.10.1", [])
    assert install.command_prefix[0].endswith("ld-linux-x86-64.so.2")
    assert install.command_prefix[-1].endswith("usr/sbin/asterisk")


def test_an_old_asterisk_is_none(tmp_path: Path) -> None:
    skeleton(tmp_path / "asterisk-18.1.0", "18.1.0")
    assert installed_prefix(tmp_path) is None


def test_an_unreachable_mirror_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codename = read_os_release(Path("/etc/os-release").read_text()).get("VERSION_CODENAME", "")
    if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        pytest.skip("this machine has no Debian archive keyring")
    monkeypatch.setattr("ops.asterisk.system_asterisk", lambda: None)
    monkeypatch.setattr(
        "ops.asterisk.host_sources",
        lambda: [Source("http://user:secret@127.0.0.1:9/debian", codename, ("main",))],
    )
    with pytest.raises(AsteriskError, match="mirror") as refused:
        ensure_asterisk(tmp_path, print)
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
