"""The one thing that is asked of Asterisk's console: to read again who is shut out.

The manager account may not do it (whoever may reload modules may do much more), so it goes over
the console's own socket, which only Asterisk's user and root may open.
"""

from __future__ import annotations

import socket
from pathlib import Path

from telephony.guard import ACL_FILE, render_acl

TIMEOUT_S = 3.0


class ConsoleError(Exception):
    """The console cannot be reached, or did not do it."""


def shut_out(base: Path, addresses: list[str]) -> None:
    """Make `addresses` the ones that Asterisk below `base` answers with 403. Raises ConsoleError.

    Shutting out the same again changes nothing; a stopped Asterisk reads the file at its start.
    """
    file = base / "own" / ACL_FILE
    text = render_acl(addresses)
    try:
        if not file.exists() or file.read_text(encoding="ascii") != text:
            partial = file.with_suffix(".new")
            partial.write_text(text, encoding="ascii")
            partial.chmod(0o644)
            partial.replace(file)
        _reload(base / "run" / "asterisk.ctl")
    except OSError as error:
        raise ConsoleError(f"{base.name}: {error}") from error


def _reload(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(TIMEOUT_S)
        line.connect(str(path))
        line.sendall(b"cli quit after module reload acl\0")
        said = b""
        while data := line.recv(4096):
            said += data
    if b"reloaded successfully" not in said:
        raise ConsoleError(f"acl was not read again: {said[-200:].decode(errors='replace')}")
