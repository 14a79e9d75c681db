"""Where an Asterisk installation keeps its parts, and how its binary is started.

Two kinds are understood: the machine's own package (`prefix` is `/`) and packages unpacked into a
private directory. The second brings its own C library, which may be newer than the machine's, so
the binary is started through the prefix's own dynamic loader. The library path is given on the
command line and never exported: child commands (recording hooks, shells) keep using the machine's
own libraries.

Standard library only: set-up uses it before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOADERS = ("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "ld-linux-armhf.so.3")


class LayoutError(Exception):
    """An Asterisk installation is incomplete; the text says what is missing and where."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Absolute paths of one installation. `launch` is argv up to and including the binary."""

    prefix: Path
    binary: Path
    modules: Path
    data: Path
    launch: tuple[str, ...]


def _first(prefix: Path, what: str, patterns: tuple[str, ...]) -> Path:
    for pattern in patterns:
        found = sorted(prefix.glob(pattern))
        if found:
            return found[0]
    raise LayoutError(f"no {what} below {prefix} (looked for {', '.join(patterns)})")


def find_layout(prefix: Path) -> Layout:
    """Locate binary, modules and data below `prefix`. Raises LayoutError."""
    prefix = prefix.resolve()
    binary = _first(prefix, "asterisk binary", ("usr/sbin/asterisk",))
    modules = _first(
        prefix,
        "asterisk modules",
        ("usr/lib/*-linux-*/asterisk/modules", "usr/lib/asterisk/modules"),
    )
    data = _first(
        prefix,
        "asterisk documentation (core-en_US.xml)",
        ("usr/share/asterisk/documentation/core-en_US.xml",
         "var/lib/asterisk/documentation/core-en_US.xml"),
    ).parent.parent
    if prefix == Path("/"):
        launch: tuple[str, ...] = (str(binary),)
    else:
        patterns = tuple(
            f"{base}/{name}" for name in LOADERS for base in ("usr/lib/*", "lib/*", "usr/lib64")
        )
        loader = _first(prefix, "dynamic loader", patterns)
        # Debug builds of the C library keep their loader in the same place; the libraries lie
        # beside the loader, with some packages using the older /lib path.
        library_dirs = [loader.parent]
        if "usr" in loader.parts:
            library_dirs.append(prefix / "lib" / loader.parent.name)
        else:
            library_dirs.append(prefix / "usr/lib" / loader.parent.name)
        path = ":".join(str(directory) for directory in library_dirs if directory.is_dir())
        launch = (str(loader), "--library-path", path, str(binary))
    return Layout(prefix=prefix, binary=binary, modules=modules, data=data, launch=launch)
