"""Mosquitto as Standpipe wants it: its configuration, accounts and access rules as files.

A device account may write its own ``report`` and ``state`` and, in the formats in use, its own
positions; it may read its own ``ack`` and ``orders``. The server's account may do everything under
``sp/v1`` and read positions of every format. Nothing is anonymous.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mqtt import formats as position_formats
from mqtt.formats import Format
from mqtt.topics import ROOT, check_device

# Mosquitto's own default; it reads the count from the file, so it may grow later.
ITERATIONS = 101
SALT_BYTES = 12
MESSAGE_BYTES = 256 * 1024


class BrokerError(RuntimeError):
    """The broker's files or process are not as they should be."""


def hash_password(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """``$7$`` line of Mosquitto 2.x: PBKDF2 with SHA-512 and a random salt.

    ValueError for an empty password or one with line ends or NUL, which the file cannot hold
    and the protocol cannot send.
    """
    if not password or any(c in password for c in "\r\n\0"):
        raise ValueError("password: must be at least one character, without line ends or NUL")
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def check_password(password: str, credential: str) -> bool:
    """Whether `hash_password` would have made `credential` of it."""
    try:
        _, kind, iterations, salt, _digest = credential.split("$")
        if kind != "7":
            return False
        made = hash_password(password, salt=base64.b64decode(salt), iterations=int(iterations))
    except ValueError:
        return False
    return hmac.compare_digest(made, credential)


def find_broker() -> str:
    """Path of the Mosquitto program; BrokerError when it is not installed."""
    # Debian puts it where ordinary users do not look.
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which("mosquitto", path=places)
    if found is None:
        raise BrokerError("mosquitto is not installed")
    return found


@dataclass(frozen=True)
class BrokerConfig:
    """Where the broker lives and who may use it.

    `state` is its own directory. `accounts` are devices (user -> password); `server_user` with
    `server_password` is the application. `owner` is the system user that will run the broker,
    when root writes the files for another.
    """

    state: Path
    port: int
    accounts: Mapping[str, str] = field(default_factory=dict)
    server_user: str = "server"
    server_password: str = ""
    host: str = "127.0.0.1"
    owner: str | None = None
    # How positions are written here; each format brings its access rule.
    formats: Sequence[Format] = field(default_factory=position_formats.load)

    @property
    def conf(self) -> Path:
        return self.state / "mosquitto.conf"

    @property
    def password_file(self) -> Path:
        return self.state / "passwords"

    @property
    def acl_file(self) -> Path:
        return self.state / "acl"

    @property
    def pid_file(self) -> Path:
        return self.state / "mosquitto.pid"

    def command(self) -> list[str]:
        """The program and its arguments, to be run in the foreground."""
        return [find_broker(), "-c", str(self.conf)]

    def write(self) -> None:
        """Write configuration, access rules and passwords. Existing device accounts stay."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._own(self.state)
        self._store(self.conf, self._conf_text())
        self._store(self.acl_file, self._acl_text())
        lines = self._read_passwords()
        if self.server_password:
            lines[check_device(self.server_user)] = hash_password(self.server_password)
        for user, password in self.accounts.items():
            lines[check_device(user)] = hash_password(password)
        self._write_passwords(lines)

    def add_account(self, user: str, password: str) -> None:
        """Add a device account or give it a new password; `reload` makes the broker see it."""
        if user == self.server_user:
            raise ValueError(f"user: {user!r} is the server's own account")
        lines = self._read_passwords()
        lines[check_device(user)] = hash_password(password)
        self._write_passwords(lines)

    def add_credential(self, user: str, credential: str) -> None:
        """As `add_account`, for a secret of which only the `hash_password` line is known."""
        if user == self.server_user:
            raise ValueError(f"user: {user!r} is the server's own account")
        if not credential.startswith("$7$") or any(c in credential for c in "\r\n:"):
            raise ValueError("credential: is no line of Mosquitto's")
        lines = self._read_passwords()
        lines[check_device(user)] = credential
        self._write_passwords(lines)

    def remove_account(self, user: str) -> bool:
        """Revoke a device; True if it existed. `reload` also throws it out of its connection."""
        if user == self.server_user:
            raise ValueError(f"user: {user!r} is the server's own account")
        lines = self._read_passwords()
        gone = lines.pop(user, None) is not None
        if gone:
            self._write_passwords(lines)
        return gone

    def account_names(self) -> list[str]:
        """Every account with a password, the server's included."""
        return sorted(self._read_passwords())

    def reload(self, pid: int | None = None) -> None:
        """Make the running broker read accounts and rules again (SIGHUP).

        Without `pid` the broker's pid file tells. BrokerError when no broker of ours runs:
        a pid file can outlive its process, and the number may be somebody else's by now.
        """
        if pid is None:
            try:
                pid = int(self.pid_file.read_text().strip())
            except (OSError, ValueError):
                raise BrokerError(f"no broker runs from {self.state}") from None
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            raise BrokerError(f"no process {pid} runs") from None
        if str(self.conf).encode() not in arguments:
            raise BrokerError(f"process {pid} is not the broker of {self.state}")
        os.kill(pid, signal.SIGHUP)

    def _conf_text(self) -> str:
        return f"""# Written by Standpipe; changes here are lost.
listener {self.port} {self.host}
allow_anonymous false
password_file {self.password_file}
acl_file {self.acl_file}
pid_file {self.pid_file}

# Mosquitto started by root would change to its own user by itself, and that clears the order to
# die with the supervisor. Whoever starts it chooses the user; "root" means: stay who you are.
user root

# With the defaults (a save each 30 minutes) a killed broker forgets what it has acknowledged. A
# save after every change would be safe to the last message and let through 270 a second: so once a
# second, and phones keep what they were told is sent for longer than that.
persistence true
persistence_location {self.state}/
persistence_file mosquitto.db
autosave_interval 1
autosave_on_changes false

# A phone that is away for a night must find all of it; the default drops from message 1001 on.
max_queued_messages 200000
max_queued_bytes 0
max_inflight_messages 2000
persistent_client_expiration 30d
message_size_limit {MESSAGE_BYTES}
max_keepalive 300
set_tcp_nodelay true

log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""

    def _acl_text(self) -> str:
        lines = [
            "# Written by Standpipe; changes here are lost.",
            f"user {check_device(self.server_user)}",
            "topic readwrite sp/v1/#",
            "topic read $SYS/broker/#",
            *(f"topic read {f.topic}" for f in self.formats),
            "",
            "# %u is the user name the device signed in with: nothing it claims of itself counts.",
            f"pattern write {ROOT}/%u/report",
            f"pattern write {ROOT}/%u/state",
            *(f"pattern write {f.access}" for f in self.formats),
            f"pattern read {ROOT}/%u/ack",
            f"pattern read {ROOT}/%u/orders",
        ]
        return "\n".join(lines) + "\n"

    def _read_passwords(self) -> dict[str, str]:
        if not self.password_file.exists():
            return {}
        lines = self.password_file.read_text(encoding="utf-8").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _write_passwords(self, lines: Mapping[str, str]) -> None:
        text = "".join(f"{user}:{hashed}\n" for user, hashed in sorted(lines.items()))
        self._store(self.password_file, text)

    def _store(self, path: Path, text: str) -> None:
        # Whole or not at all: the broker may be told to re-read at any moment.
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            fresh.touch(mode=0o600)
            fresh.write_text(text, encoding="utf-8")
            self._own(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)

    def _own(self, path: Path) -> None:
        if self.owner is not None:
            shutil.chown(path, user=self.owner)
