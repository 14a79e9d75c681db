"""The few calls of EPANET 2.2 a simulation needs, on the library that wntr ships.

wntr's own binding would do, but to import it is to import all of wntr: seconds and a hundred
megabytes for each process that only wants pressures.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from platform import machine
from typing import Any

ELEVATION, BASEDEMAND, EMITTER, DEMAND, PRESSURE = 0, 1, 3, 9, 11
FLOW = 8
_NODECOUNT = 0

#: What EPANET says of a step it solved all the same, but for the first: that is no solution.
UNBALANCED = "hydraulically unbalanced: no solution within the allowed number of trials"
_WARNINGS = {
    1: UNBALANCED,
    2: "possibly unstable: solved only with the status of all links held fixed",
    3: "nodes with demand are disconnected from every source",
    4: "pumps cannot deliver enough flow or head",
    5: "valves cannot deliver enough flow",
    6: "negative pressures",
}
_LIBRARIES = {
    ("linux", "x64"): "linux-x64/libepanet22.so",
    ("darwin", "x64"): "darwin-x64/libepanet22.dylib",
    ("darwin", "arm"): "darwin-arm/libepanet2.dylib",
    ("win32", "x64"): "windows-x64/epanet22.dll",
}


class EpanetError(RuntimeError):
    """EPANET refused; the message is its own."""


@cache
def _library() -> Any:
    spec = find_spec("wntr")
    if spec is None or not spec.submodule_search_locations:
        raise EpanetError("wntr, which brings EPANET, is not installed")
    kind = "arm" if machine().lower() in ("arm64", "aarch64") else "x64"
    name = _LIBRARIES.get((sys.platform, kind))
    place = Path(spec.submodule_search_locations[0]) / "epanet" / "libepanet" / (name or "-")
    if name is None or not place.is_file():
        raise EpanetError(f"wntr brings no EPANET 2.2 for {sys.platform} {machine()}")
    library = ctypes.CDLL(str(place))
    project, number, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
    library.EN_createproject.argtypes = [ctypes.POINTER(project)]
    library.EN_open.argtypes = [project, *[ctypes.c_char_p] * 3]
    for call in ("close", "deleteproject", "openH", "closeH"):
        getattr(library, f"EN_{call}").argtypes = [project]
    library.EN_initH.argtypes = [project, number]
    for call in ("runH", "nextH"):
        getattr(library, f"EN_{call}").argtypes = [project, ctypes.POINTER(ctypes.c_long)]
    library.EN_getcount.argtypes = [project, number, ctypes.POINTER(number)]
    library.EN_getnodeid.argtypes = [project, number, ctypes.c_char_p]
    for call in ("getnodeindex", "getlinkindex"):
        getattr(library, f"EN_{call}").argtypes = [
            project,
            ctypes.c_char_p,
            ctypes.POINTER(number),
        ]
    for call in ("getnodevalue", "getlinkvalue"):
        getattr(library, f"EN_{call}").argtypes = [project, number, number, ctypes.POINTER(real)]
    library.EN_setnodevalue.argtypes = [project, number, number, real]
    library.EN_geterror.argtypes = [number, ctypes.c_char_p, number]
    return library


class Epanet:
    """An open project. Every method raises EpanetError where EPANET reports an error."""

    def __init__(self, library: Any, project: Any) -> None:
        self._library, self._project = library, project
        self._said: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """EPANET's warnings so far, each once."""
        return tuple(self._said)

    def _call(self, name: str, *args: Any) -> None:
        code = getattr(self._library, name)(self._project, *args)
        if code >= 100:
            raise EpanetError(_message(self._library, code))
        if code:
            self._said[_WARNINGS.get(code, f"warning {code}")] = None

    def start(self) -> None:
        """Back to the beginning of the run."""
        self._call("EN_initH", 0)

    def run(self) -> int:
        """Solve the present instant; its second since the beginning."""
        at = ctypes.c_long()
        self._call("EN_runH", ctypes.byref(at))
        return int(at.value)

    def next(self) -> int:
        """Go on to the next instant; seconds to it, 0 at the end."""
        step = ctypes.c_long()
        self._call("EN_nextH", ctypes.byref(step))
        return int(step.value)

    def node_ids(self) -> tuple[str, ...]:
        """Names of all nodes in the order of EPANET's numbers, which start at 1."""
        count = ctypes.c_int()
        self._call("EN_getcount", _NODECOUNT, ctypes.byref(count))
        name = ctypes.create_string_buffer(64)
        found = []
        for index in range(1, count.value + 1):
            self._call("EN_getnodeid", index, name)
            found.append(name.value.decode("utf-8", "replace"))
        return tuple(found)

    def node(self, name: str) -> int:
        """EPANET's number of a node."""
        index = ctypes.c_int()
        self._call("EN_getnodeindex", name.encode(), ctypes.byref(index))
        return int(index.value)

    def link(self, name: str) -> int:
        """EPANET's number of a link."""
        index = ctypes.c_int()
        self._call("EN_getlinkindex", name.encode(), ctypes.byref(index))
        return int(index.value)

    def node_values(self, indices: Sequence[int], what: int) -> list[float]:
        """One property of many nodes."""
        return self._values("EN_getnodevalue", indices, what)

    def link_values(self, indices: Sequence[int], what: int) -> list[float]:
        """One property of many links."""
        return self._values("EN_getlinkvalue", indices, what)

    def _values(self, name: str, indices: Sequence[int], what: int) -> list[float]:
        get, project = getattr(self._library, name), self._project
        value = ctypes.c_double()
        at = ctypes.byref(value)
        found = []
        for index in indices:
            code = get(project, index, what, at)
            if code >= 100:
                raise EpanetError(_message(self._library, code))
            found.append(value.value)
        return found

    def set_node(self, index: int, what: int, value: float) -> None:
        """Change one property of a node."""
        self._call("EN_setnodevalue", index, what, value)


def _message(library: Any, code: int) -> str:
    text = ctypes.create_string_buffer(256)
    library.EN_geterror(code, text, 255)
    said = text.value.decode("utf-8", "replace").strip()
    return said or f"EPANET error {code}"


@contextmanager
def opened(text: str) -> Iterator[Epanet]:
    """EPANET with this input text, ready to run hydraulics. Errors: EpanetError."""
    library = _library()
    with tempfile.TemporaryDirectory(prefix="standpipe-epanet-") as place:
        inp = Path(place) / "net.inp"
        inp.write_text(text, encoding="utf-8")
        files = [os.fsencode(inp.with_suffix(end)) for end in (".inp", ".rpt", ".bin")]
        project = ctypes.c_void_p()
        library.EN_createproject(ctypes.byref(project))
        engine = Epanet(library, project)
        try:
            engine._call("EN_open", *files)
            engine._call("EN_openH")
            yield engine
        finally:
            library.EN_closeH(project)
            library.EN_close(project)
            library.EN_deleteproject(project)
