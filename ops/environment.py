"""The Python environment: hash-locked, built aside and put in place whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from ops.certificates import download_env
from ops.errors import OpsError
from ops.paths import REPO, only_one
from ops.run import run
from ops.say import Say

REQUIREMENTS = REPO / "requirements"
KINDS = ("runtime", "test")


def fingerprint(kind: str, requirements: Path = REQUIREMENTS) -> str:
    """Changes with the lock and with the Python that the environment is made for."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("installer.txt", f"{kind}.txt"):
        digest.update((requirements / name).read_bytes())
    return digest.hexdigest()[:12]


def environment_folder(home: Path, kind: str) -> Path:
    """Where the environment of this lock lies, whether or not it has been made."""
    return home / f"env-{kind}-{fingerprint(kind)}"


def base_python() -> str:
    """The interpreter below a virtual environment, or the one running."""
    return getattr(sys, "_base_executable", sys.executable) or sys.executable


def ensure_environment(home: Path, kind: str, say: Say) -> Path:
    """Return the folder of a complete environment, building it when its lock is new.

    `kind` is 'runtime' or 'test'. An interrupted build leaves only a `.part` folder, which the
    next one clears away. Raises OpsError.
    """
    folder = environment_folder(home, kind)
    if (folder / "complete").exists():
        return folder
    with only_one(home / ".environment.lock", "Python environment"):
        if (folder / "complete").exists():
            return folder
        if folder.exists():
            shutil.rmtree(folder)
        # An environment cannot be moved (its programs name it), so the mark is what is put
        # in place last: without it the folder does not count.
        with say.step(f"Python environment ({kind})"):
            _build(folder, kind)
        (folder / "complete").touch()
    return folder


def _build(folder: Path, kind: str) -> None:
    python = folder / "bin/python"
    run([base_python(), "-m", "venv", folder], what="python -m venv")
    run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
         "-r", REQUIREMENTS / "installer.txt"],
        what="pip install", timeout=900, env=download_env(),
    )  # fmt: skip
    run(
        [folder / "bin/uv", "pip", "install", "-q", "--python", python, "--require-hashes",
         "-r", REQUIREMENTS / f"{kind}.txt"],
        what="uv pip install", timeout=1800,
        env={**download_env(), "UV_NO_PROGRESS": "1", "UV_HTTP_TIMEOUT": "120"},
    )  # fmt: skip


def enter(folder: Path, arguments: list[str]) -> None:
    """Go on in the environment's Python, with the same arguments; no return unless inside."""
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / "bin/python"
    env = {**os.environ, "PYTHONPATH": _with_repo(os.environ.get("PYTHONPATH"))}
    try:
        os.execve(python, [str(python), "-P", "-m", "ops", *arguments], env)
    except OSError as error:
        raise OpsError(f"{python}: {error.strerror}") from error


def _with_repo(path: str | None) -> str:
    parts = [part for part in (path or "").split(os.pathsep) if part and part != str(REPO)]
    return os.pathsep.join([str(REPO), *parts])


def lock(say: Say, uv: Path) -> None:
    """Recompile every `.in` file. The result names no index and no path of this machine."""
    for source in sorted(REQUIREMENTS.glob("*.in")):
        with say.step(f"locking {source.stem}"):
            run(
                [uv, "pip", "compile", "-q", "--universal", "--python-version", "3.11",
                 "--generate-hashes", "--no-emit-index-url", "--no-header", source.name,
                 "-o", f"{source.stem}.txt"],
                what=f"locking {source.name}", env=download_env(), cwd=REQUIREMENTS, timeout=600,
            )  # fmt: skip
        say(f"requirements/{source.stem}.txt is up to date")
