"""Running other programs, with an error that quotes what they said; telling processes apart."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.errors import OpsError


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    text_in: str | None = None,
    timeout: float | None = None,
) -> str:
    """Run `command` and return its standard output. Raises OpsError naming `what` on failure."""
    extra: dict[str, Any] = {}
    if user:
        extra = {"user": user, "group": _group_of(user), "extra_groups": []}
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(part) for part in command],
            check=False, capture_output=True, text=True, errors="replace", env=env, cwd=cwd,
            input=text_in, timeout=timeout, **extra,
        )  # fmt: skip
    except OSError as error:
        raise OpsError(f"{what}: {command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise OpsError(f"{what}: no answer within {timeout:.0f} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-25:]
        raise OpsError(f"{what}: ended with status {done.returncode}\n  " + "\n  ".join(said))
    return done.stdout


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def started(pid: int) -> str | None:
    """When the process began, in the kernel's ticks; None where there is none.

    With it a number that was given to somebody else later is not mistaken.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return stat[19] if stat[0] not in "ZX" else None
