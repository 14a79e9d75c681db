"""Where things lie: the checkout, the home of downloaded tools, the state of one installation."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError

REPO = Path(__file__).resolve().parents[1]

# A Unix socket's path may hold 107 bytes; the longest of ours below the state directory is
# asterisk/run/asterisk.ctl or pgsock/.s.PGSQL.NNNNN.lock.
LONGEST_STATE_PATH = 78


def is_root() -> bool:
    """Services that refuse to run as root get a user of their own only when we are root."""
    return os.geteuid() == 0


def default_home() -> Path:
    """STANDPIPE_HOME, else /var/lib/standpipe for root and the user's own share otherwise.

    Root's home directory is closed to the database's user, so it is no place for a cluster.
    """
    named = os.environ.get("STANDPIPE_HOME")
    if named:
        return Path(named).absolute()
    if is_root():
        return Path("/var/lib/standpipe")
    return Path.home() / ".local/share/standpipe"


@dataclass(frozen=True, slots=True)
class State:
    """One installation's directory: its ports, secrets, database, recordings and logs."""

    root: Path

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor"

    def prepare(self) -> State:
        """Make the directories. Traversable by the services' users, listable only by the owner.

        Raises OpsError when the path is too long for Unix sockets or cannot be written.
        """
        if len(os.fsencode(self.root)) > LONGEST_STATE_PATH:
            raise OpsError(
                f"--state {self.root}: longer than {LONGEST_STATE_PATH} bytes; "
                "Unix sockets below it would not work. Choose a shorter path."
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o711)
            for name in (
                "log", "supervisor", "recordings", "photos", "sms", "uploads", "streets", "city",
                "network", "numba",
            ):  # fmt: skip
                (self.root / name).mkdir(mode=0o750, exist_ok=True)
        except OSError as error:
            raise OpsError(f"--state {self.root}: {error.strerror}: {error.filename}") from error
        return self


def find_state(named: str | None, home: Path) -> State:
    """`--state`, else STANDPIPE_STATE, else HOME/state."""
    chosen = named or os.environ.get("STANDPIPE_STATE")
    return State(Path(chosen).absolute() if chosen else home / "state")


@contextmanager
def only_one(lock: Path, what: str) -> Iterator[None]:
    """Hold `lock` while the block runs; a second caller waits. Released however we end."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("a")
    except OSError as error:
        raise OpsError(f"{what}: {error.strerror}: {lock}") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace `path` in one step, never leaving half a file, never readable beyond `mode`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    part.chmod(mode)
    part.replace(path)
