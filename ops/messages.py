"""Compiled translations: `.mo` files beside the `.po` files, made when a text is newer."""

from __future__ import annotations

from pathlib import Path

from ops.errors import OpsError
from ops.paths import REPO
from ops.say import Say

LOCALE = REPO / "server/locale"


def compile_messages(say: Say, locale: Path = LOCALE) -> int:
    """Compile what is stale; the number compiled. Raises OpsError naming file and line."""
    stale = [
        po for po in sorted(locale.glob("*/LC_MESSAGES/*.po"))
        if not po.with_suffix(".mo").exists()
        or po.with_suffix(".mo").stat().st_mtime < po.stat().st_mtime
    ]  # fmt: skip
    if not stale:
        return 0
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import PoFileError, read_po

    with say.step("translations"):
        for po in stale:
            try:
                with po.open("rb") as source:
                    catalog = read_po(source, locale=po.parents[1].name, abort_invalid=True)
            except (PoFileError, ValueError) as error:
                line = getattr(error, "lineno", None)
                place = f"{po.relative_to(locale)}" + (f", line {line}" if line else "")
                raise OpsError(f"translation {place}: {error}") from error
            part = po.with_suffix(".mo.part")
            with part.open("wb") as target:
                write_mo(target, catalog)
            part.replace(po.with_suffix(".mo"))
    return len(stale)
