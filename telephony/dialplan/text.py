"""Pieces of dialplan text that every part is made of."""

from __future__ import annotations

from collections.abc import Sequence

from telephony.dialplan.values import DialplanValues

_NOW = "${STRFTIME(,UTC,%Y-%m-%dT%H:%M:%S.%3qZ)}"


def line(v: DialplanValues, what: str, **fields: str) -> str:
    """`Set(FILE(...)=...)` that appends one JSON line. Values are dialplan text, already safe."""
    pairs = {"event": what, "call": "${SP_CALL_ID}", "at": _NOW, **fields}
    body = ",".join(f'"{key}":"{value}"' for key, value in pairs.items())
    return f"Set(FILE({v.calls_log},,,al,u)={{{body}}})"


def block(exten: str, steps: Sequence[str]) -> str:
    """An extension's steps; a step written `(label),App()` can be jumped to."""
    first = f"exten => {exten},1,{steps[0]}"
    rest = (f" same => n{step if step.startswith('(') else ',' + step}" for step in steps[1:])
    return "\n".join([first, *rest])


def dial_line(v: DialplanValues, what: str, **fields: str) -> str:
    """As `line`, into the file of the calls that we make, which their attempts name."""
    pairs = {"event": what, "call": "${SP_ATTEMPT}", "at": _NOW, **fields}
    body = ",".join(f'"{key}":"{value}"' for key, value in pairs.items())
    return f"Set(FILE({v.dials_log},,,al,u)={{{body}}})"


def heard_in_own_language(v: DialplanValues, prompt: str) -> str:
    """As `heard`, in the language `SP_LANGUAGE` of the caller instead of the telephone's own."""
    built, own = (path.rpartition("/")[0] for path in (v.prompts, v.own_prompts))
    return _own_or_built(f"{own}/${{SP_LANGUAGE}}/{prompt}", f"{built}/${{SP_LANGUAGE}}/{prompt}")


def heard(v: DialplanValues, prompt: str) -> str:
    """The path of a prompt as `Playback` wants it: the utility's own recording where there is one.

    Looked for at every playing, so that another one is heard without a restart.
    """
    return _own_or_built(f"{v.own_prompts}/{prompt}", f"{v.prompts}/{prompt}")


def _own_or_built(own: str, built: str) -> str:
    return f'${{IF($["${{STAT(e,{own}.wav)}}" = "1"]?{own}:{built})}}'
