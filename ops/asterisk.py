"""Getting Asterisk: the machine's own package, or signed packages in a private prefix.

Debian 12 has no Asterisk package, a later Debian has. Its packages are downloaded by an `apt`
that works in directories of ours (the machine's own apt and dpkg never notice), checked against
the Debian archive keyring, and unpacked without running any package script. Nothing needs root
and no service of the machine is started or changed.

Standard library only: this runs before there is a Python environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MINIMUM_MAJOR = 20
DEBIAN_SUITE = "forky"
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
MARKER = "standpipe-prefix.json"
APT_TIMEOUT_S = 600

# Debian and Ubuntu keyrings that may sign the suite we read.
KEYRINGS = {
    "debian": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}


class AsteriskError(Exception):
    """Asterisk cannot be had on this machine; the text says why and what would help."""


@dataclass(frozen=True, slots=True)
class AsteriskInstall:
    """`command_prefix` is argv up to and including the binary; options are appended to it."""

    kind: Literal["prefix", "system"]
    prefix: Path
    version: str
    command_prefix: list[str]


@dataclass(frozen=True, slots=True)
class Source:
    """One archive line of the machine's apt configuration."""

    uri: str
    suite: str
    components: tuple[str, ...]


def ensure_asterisk(home: Path, say: Callable[[str], None]) -> AsteriskInstall:
    """Return a usable Asterisk >= 20, fetching it below `home` when the machine has none.

    Idempotent: a complete prefix is used as it is, without touching the network. `say` receives
    one line for every step that takes longer than a moment. Raises AsteriskError.
    """
    system = system_asterisk()
    if system is not None:
        return system
    ready = installed_prefix(home)
    if ready is not None:
        return ready
    return fetch_prefix(home, say)


def system_asterisk() -> AsteriskInstall | None:
    """The machine's own Asterisk when it is recent enough and complete, else None."""
    if shutil.which("asterisk", path="/usr/sbin:/usr/bin:/usr/local/sbin") != "/usr/sbin/asterisk":
        return None
    try:
        answer = subprocess.run(
            ["/usr/sbin/asterisk", "-V"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _described(Path("/"), "system", parse_version(answer.stdout))


def installed_prefix(home: Path) -> AsteriskInstall | None:
    """The newest complete private prefix below `home`, else None."""
    found: list[tuple[tuple[int, ...], Path, str]] = []
    for marker in home.glob(f"asterisk-*/{MARKER}"):
        try:
            version = str(json.loads(marker.read_text(encoding="utf-8"))["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half-written by an older run: not a complete prefix
        found.append((_version_key(version), marker.parent, version))
    for _, prefix, version in sorted(found, reverse=True):
        install = _described(prefix, "prefix", version)
        if install is not None:
            return install
    return None


def parse_version(text: str) -> str:
    """`Asterisk 22.10.1~dfsg-1` -> `22.10.1`; empty when there is no version in the text."""
    match = re.search(r"\b(\d+(?:\.\d+)+)", text)
    return match.group(1) if match else ""


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


def _described(
    prefix: Path, kind: Literal["prefix", "system"], version: str
) -> AsteriskInstall | None:
    from telephony.layout import LayoutError, find_layout

    if not version or _version_key(version)[0] < MINIMUM_MAJOR:
        return None
    try:
        layout = find_layout(prefix)
    except LayoutError:
        return None
    return AsteriskInstall(kind, layout.prefix, version, list(layout.launch))


# --- the machine's mirror ----------------------------------------------------------------


def read_os_release(text: str) -> dict[str, str]:
    """`KEY="value"` lines of /etc/os-release."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def parse_one_line_sources(text: str) -> list[Source]:
    """`deb [options] uri suite component...` lines; comments and deb-src are left out."""
    sources: list[Source] = []
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        match = re.fullmatch(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*(.*)", line)
        if match:
            sources.append(Source(match[1], match[2], tuple(match[3].split())))
    return sources


def parse_deb822_sources(text: str) -> list[Source]:
    """Stanzas of a `.sources` file; disabled stanzas and sources of source code are left out."""
    sources: list[Source] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.lstrip().startswith("#") or not line.strip():
                continue
            if line[0].isspace() and key:
                fields[key] += " " + line.strip()
                continue
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        sources.extend(
            Source(uri, suite, tuple(fields.get("components", "").split()))
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        )
    return sources


def host_sources(root: Path = Path("/etc/apt")) -> list[Source]:
    """Every enabled binary archive the machine is configured with."""
    sources: list[Source] = []
    for path in [root / "sources.list", *sorted((root / "sources.list.d").glob("*"))]:
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # a file only root may read is somebody's private archive, not the mirror
        parse = parse_deb822_sources if path.suffix == ".sources" else parse_one_line_sources
        sources.extend(parse(text))
    return sources


def choose_mirror(sources: Iterable[Source], codename: str) -> str:
    """The archive that serves the machine's own release. Raises AsteriskError."""
    for source in sources:
        if source.suite == codename and "main" in source.components:
            return source.uri
    raise AsteriskError(
        f"apt has no archive for this release ({codename or 'unknown'}) configured; "
        "add the distribution's mirror to /etc/apt/sources.list.d and try again"
    )


# --- the private apt ---------------------------------------------------------------------


def fetch_prefix(home: Path, say: Callable[[str], None]) -> AsteriskInstall:
    """Download, check and unpack Asterisk below `home`. Raises AsteriskError."""
    for tool in ("apt-get", "dpkg-deb", "dpkg"):
        if shutil.which(tool) is None:
            raise AsteriskError(f"{tool} is missing: Asterisk can be fetched on Debian and Ubuntu")
    release = read_os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    family = "ubuntu" if release.get("ID") == "ubuntu" else "debian"
    codename = release.get("VERSION_CODENAME", "")
    mirror = choose_mirror(host_sources(), codename)
    keyring = KEYRINGS[family]
    if not keyring.exists():
        raise AsteriskError(f"{keyring} is missing: install the package {family}-archive-keyring")
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asterisk-fetch-", dir=home) as scratch:
        work = Path(scratch)
        sources = (
            f"Types: deb\nURIs: {mirror}\n"
            f"Suites: {codename if family == 'ubuntu' else DEBIAN_SUITE}\n"
            f"Components: main{' universe' if family == 'ubuntu' else ''}\n"
            f"Signed-By: {keyring}\n"
        )
        config = _private_apt(work, sources)
        say("Asterisk: reading the package index")
        _apt(config, "update", "--error-on=any")
        say("Asterisk: downloading its packages (about 100 MB)")
        _apt(config, "install", "-y", "--download-only", *PACKAGES)
        debs = sorted((work / "cache/archives").glob("*.deb"))
        if not debs:
            raise AsteriskError("apt reported success but downloaded no package")
        say(f"Asterisk: unpacking {len(debs)} packages")
        return _unpack(home, work, debs)


def _private_apt(work: Path, sources: str) -> Path:
    """Write an apt configuration whose every directory lies below `work`."""
    for directory in ("state/lists/partial", "cache/archives/partial", "etc"):
        (work / directory).mkdir(parents=True)
    (work / "status").touch()
    # The archive address may carry a password: nobody else has business reading it.
    (work / "etc/debian.sources").touch(mode=0o600)
    (work / "etc/debian.sources").write_text(sources, encoding="utf-8")
    architecture = _run(["dpkg", "--print-architecture"], "dpkg").strip()
    config = work / "apt.conf"
    config.write_text(
        f"""
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear APT::Architectures;
#clear APT::Default-Release;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "{"root" if os.geteuid() == 0 else ""}";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Dir::State "{work}/state";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "{work}/etc/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
""",
        encoding="utf-8",
    )
    return config


def _apt(config: Path, *arguments: str) -> None:
    # -c is read after the machine's own configuration, so its proxy is kept and its
    # directories and hooks are not.
    _run(["apt-get", "-q", f"-c={config}", *arguments], f"apt-get {arguments[0]}")


def _run(command: list[str], what: str) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=APT_TIMEOUT_S, env=environment,
            check=False, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise AsteriskError(f"{what} gave no result in {APT_TIMEOUT_S} s") from late
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
        reason = re.sub(r"//[^/@\s]*@", "//", "; ".join(lines[:3]) or done.stderr[-300:].strip())
        raise AsteriskError(f"{what} failed, is the package mirror reachable? {reason}")
    return done.stdout


def _unpack(home: Path, work: Path, debs: list[Path]) -> AsteriskInstall:
    from telephony.modules import UNUSED_MODULES

    tree = work / "tree"
    tree.mkdir()
    checksums: dict[str, str] = {}
    for deb in debs:
        _run(["dpkg-deb", "-x", str(deb), str(tree)], f"unpacking {deb.name}")
        checksums[deb.name] = hashlib.sha256(deb.read_bytes()).hexdigest()
    asterisk = next((deb for deb in debs if deb.name.startswith("asterisk_")), None)
    version = parse_version(asterisk.name.split("_")[1].replace("%3a", ":")) if asterisk else ""
    for modules in tree.glob("usr/lib/*/asterisk/modules"):
        for name in UNUSED_MODULES:
            (modules / f"{name}.so").unlink(missing_ok=True)
    for rest in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian",
                 "usr/share/perl", "usr/lib/systemd", "var", "etc", "boot", "home"):  # fmt: skip
        shutil.rmtree(tree / rest, ignore_errors=True)
    _link_english_sounds(tree)
    (tree / MARKER).write_text(
        json.dumps({"version": version, "packages": checksums}, indent=1), encoding="utf-8"
    )
    target = home / f"asterisk-{version}"
    if target.exists():  # without a usable marker, or it would have been taken
        shutil.rmtree(target)
    tree.rename(target)
    install = _described(target, "prefix", version)
    if install is None:
        raise AsteriskError(
            f"the packages unpacked into {target} hold no usable Asterisk >= {MINIMUM_MAJOR} "
            f"(version found: {version or 'none'})"
        )
    return install


def _link_english_sounds(tree: Path) -> None:
    """The package scripts, which are not run, would have made `sounds/en`."""
    sounds = tree / "usr/share/asterisk/sounds"
    link = sounds / "en"
    if link.exists() or not sounds.is_dir():
        return
    voices = sorted(path for path in sounds.glob("en_*") if path.is_dir())
    if voices:
        link.symlink_to(voices[0].name)
