"""System packages: which are needed, why, which are missing, and installing just those.

Nothing of the machine's own is started or changed: services that come with a package are held
back while it installs, PostgreSQL's default cluster is not made, and Mosquitto's unit is left
switched off, because Standpipe runs private copies of both.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.paths import is_root
from ops.say import Say

POLICY = Path("/usr/sbin/policy-rc.d")
CREATE_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
OUR_MARK = "# standpipe: for the time of one installation"


@dataclass(frozen=True, slots=True)
class Package:
    """`groups`: 'core' always; 'phones', 'callers', 'crew', 'tests' as the command needs them."""

    name: str
    why: str
    groups: frozenset[str]
    present: Callable[[], bool] | None = None  # something else than the package may satisfy it


def _has_program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name, path=program_path()) for name in names)


def program_path() -> str:
    """PATH with the system folders that a plain user's PATH may leave out."""
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def _has_library(name: str) -> Callable[[], bool]:
    def found() -> bool:
        folders = [*Path("/usr/lib").glob("*-linux-gnu*"), Path("/usr/lib"), Path("/usr/lib64")]
        return any(next(folder.glob(f"{name}*"), None) for folder in folders)

    return found


def _has_ensurepip() -> bool:
    return any(Path("/usr/lib").glob("python3*/ensurepip/__init__.py"))


def has_postgis() -> bool:
    """Some PostgreSQL of this machine can `CREATE EXTENSION postgis`."""
    return bool(list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")))


CORE = frozenset({"core"})
PHONES = frozenset({"phones"})
CREW = frozenset({"crew"})
POSTGIS = "postgresql-NN-postgis-3"  # NN is found for the distribution

PACKAGES: tuple[Package, ...] = (
    Package("python3-venv", "makes the Python environment", CORE, _has_ensurepip),
    Package(POSTGIS, "the database with geometry", CORE, has_postgis),
    Package("mosquitto", "the broker for phones and vehicles", CORE, _has_program("mosquitto")),
    Package("gdal-bin", "GDAL, GEOS and PROJ for GeoDjango", CORE, _has_library("libgdal.so")),
    Package("espeak-ng", "speaks the telephone prompts", PHONES, _has_program("espeak-ng")),
    Package("sox", "brings prompts to telephone quality", PHONES, _has_program("sox")),
    Package("sip-tester", "SIPp, which places real calls", frozenset({"callers"}),
            _has_program("sipp")),
    Package("libegl1", "draws the crew app", CREW, _has_library("libEGL.so.1")),
    Package("libgl1", "draws the crew app", CREW, _has_library("libGL.so.1")),
    Package("libgl1-mesa-dri", "draws the crew app without a graphics card", CREW),
    Package("libmtdev1", "touch input of the crew app", CREW, _has_library("libmtdev.so.1")),
    Package("fonts-noto-cjk", "Chinese letters of the crew app", CREW),
    Package("mosquitto-clients", "an independent device for the broker's tests",
            frozenset({"tests"}), _has_program("mosquitto_pub")),
    Package("libatomic1", "the driver of the tests' browser needs it", frozenset({"tests"}),
            _has_library("libatomic.so.1")),
    Package("chromium", "the browser of the desk and map tests", frozenset({"tests"}),
            _has_program("chromium", "google-chrome", "google-chrome-stable")),
)  # fmt: skip

# Where apt's lists are empty the distribution still tells the version of PostgreSQL.
POSTGRESQL_OF = {
    ("debian", "12"): 15, ("debian", "13"): 17,
    ("ubuntu", "22.04"): 14, ("ubuntu", "24.04"): 16,
}  # fmt: skip


def os_release(text: str | None = None) -> dict[str, str]:
    """`/etc/os-release` as a mapping; empty where there is none."""
    if text is None:
        path = Path("/etc/os-release")
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def wanted(groups: Iterable[str], release: dict[str, str]) -> list[Package]:
    """The packages of `groups` that this distribution can give."""
    chosen = set(groups)
    packages = [package for package in PACKAGES if package.groups & chosen]
    if release.get("ID") == "ubuntu":
        # Ubuntu's chromium package only installs a snap, which cannot run in a container.
        packages = [package for package in packages if package.name != "chromium"]
    return packages


def missing(groups: Iterable[str], release: dict[str, str] | None = None) -> list[Package]:
    """Packages of `groups` that are neither installed nor satisfied otherwise."""
    packages = wanted(groups, release if release is not None else os_release())
    unknown = [package.name for package in packages if package.present is None]
    installed = _installed(unknown) if unknown else set()
    return [
        package for package in packages
        if package.name not in installed
        and not (package.present is not None and package.present())
    ]  # fmt: skip


def _installed(names: list[str]) -> set[str]:
    try:
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return set()
    pairs = (line.split() for line in done.stdout.splitlines())
    return {pair[0] for pair in pairs if len(pair) == 2 and pair[1] == "installed"}


def postgis_package(release: dict[str, str], search: str = "") -> str:
    """The distribution's PostGIS package. `search` is what `apt-cache search` printed.

    Raises OpsError when neither tells.
    """
    versions = [int(v) for v in re.findall(r"^postgresql-(\d+)-postgis-3\b", search, re.MULTILINE)]
    known = POSTGRESQL_OF.get((release.get("ID", ""), release.get("VERSION_ID", "")))
    if known and (known in versions or not versions):
        return f"postgresql-{known}-postgis-3"
    if versions:
        return f"postgresql-{max(versions)}-postgis-3"
    raise OpsError(
        f"no PostGIS package is known for {release.get('PRETTY_NAME', 'this system')}; install "
        "PostgreSQL with PostGIS yourself and try again"
    )


def ensure_packages(groups: Iterable[str], say: Say, *, install: bool = True) -> None:
    """Install what is missing for `groups`, or raise OpsError with the command that would."""
    groups = set(groups)
    release = os_release()
    lacking = missing(groups, release)
    if "tests" in groups and release.get("ID") == "ubuntu" and not browser():
        say("No Chromium: Ubuntu has it as a snap only, so the browser tests will be skipped.")
    if not lacking:
        return
    say("Missing system packages:")
    names = []
    for package in lacking:
        name = package.name
        if name == POSTGIS:
            name = postgis_package(release, _apt_search())
        names.append(name)
        say(f"  {name:28} {package.why}")
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if not install:
        raise OpsError(f"--no-install was given. To install them, as root: {command}")
    if not is_root():
        raise OpsError(f"Installing needs root. Run this once, then start again:\n  sudo {command}")
    if shutil.which("apt-get") is None:
        raise OpsError("apt-get is not here: install the packages above with your own tools")
    _install(names, lacking, release, say)


def browser() -> str | None:
    """The Chromium that the browser tests may use."""
    for name in ("chromium", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name, path=program_path()):
            return found
    return None


def _apt_search() -> str:
    try:
        done = subprocess.run(
            ["apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout


def _install(names: list[str], lacking: list[Package], release: dict[str, str], say: Say) -> None:
    with say.step("apt-get update"):
        _apt("update")
    # After the update apt may know the right version of PostGIS better than our table.
    names = [
        postgis_package(release, _apt_search()) if re.search(r"-postgis-3$", name) else name
        for name in names
    ]
    fresh_broker = any(package.name == "mosquitto" for package in lacking)
    with services_held_back(POLICY), say.step(f"installing {len(names)} packages"):
        if any(name.endswith("-postgis-3") for name in names):
            _apt("install", "-y", "--no-install-recommends", "postgresql-common")
            with no_default_cluster(CREATE_CLUSTER):
                _apt("install", "-y", "--no-install-recommends", *names)
        else:
            _apt("install", "-y", "--no-install-recommends", *names)
        if fresh_broker and shutil.which("systemctl"):
            # The unit came with our installation; left on, it would take port 1883 at next boot.
            subprocess.run(
                ["systemctl", "disable", "mosquitto.service"], capture_output=True, check=False
            )


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-20:]
        raise OpsError(f"{' '.join(command)} failed:\n  " + "\n  ".join(said))


@contextlib.contextmanager
def services_held_back(policy: Path) -> Iterator[None]:
    """While the block runs no package may start a service. An existing policy is respected."""
    ours = f"#!/bin/sh\n{OUR_MARK}\nexit 101\n"
    if policy.exists() and OUR_MARK not in policy.read_text(errors="replace"):
        yield
        return
    policy.write_text(ours)  # also over one that an interrupted run of ours left behind
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


@contextlib.contextmanager
def no_default_cluster(config: Path) -> Iterator[None]:
    """While the block runs PostgreSQL's packages make no cluster; the file is as before after."""
    before = config.read_text() if config.exists() else None
    clean = re.sub(rf"\n*{re.escape(OUR_MARK)}\n.*\n", "\n", before or "")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"{clean}\n{OUR_MARK}\ncreate_main_cluster = false\n")
    try:
        yield
    finally:
        if before is None:
            config.unlink(missing_ok=True)
        else:
            config.write_text(clean)
