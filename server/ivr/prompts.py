"""Verbs for prompts: record, upload or have one spoken, choose which is heard, notice a lost one.

Versions lie in `OWN_PROMPTS/versions/<language>/<name>-<number>.wav`, the one in force beside them
as `<language>/<name>.wav`, where the telephone looks at every playing: no restart is needed.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from server.accounts.audit import record
from server.accounts.refusals import Conflict, Refused
from server.events.services import publish
from server.ivr.models import PromptAlarm, PromptVersion
from telephony.ivr_tree import NAME
from telephony.prompts import EspeakVoice, PromptError, Voice
from telephony.sentences import LANGUAGES, PROMPTS, Language
from telephony.wav import LEAST_S, MAX_BYTES, MOST_S, WrongSound, read_wav

log = logging.getLogger("standpipe.ivr")
MAX_TEXT = 600
# Whoever turns words into sound; another engine takes its place here.
VOICE: Voice = EspeakVoice()


def folder() -> Path:
    return Path(settings.STANDPIPE["OWN_PROMPTS"])


def checked(name: Any, language: Any) -> tuple[str, Language]:
    """A prompt's name and language. Refused for what can be neither."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        text = _("A prompt's name is small letters, digits and hyphens, 40 at most.")
        raise Refused("name", "bad_name", text)
    if language not in LANGUAGES:
        raise Refused("language", "unknown", _("Choose a language."))
    return name, "zh" if language == "zh" else "en"


def take_in(
    name: str, language: str, data: bytes, *, source: str, text: str = "", by: str
) -> PromptVersion:
    """Keep a recording as the next version of a prompt; it is not heard before it is chosen.

    Refused when it is not 8 kHz 16-bit mono, too short, too long or silent.
    """
    name, language = checked(name, language)
    if source not in PromptVersion.Source.values:
        raise Refused("source", "unknown", _("Say whether it was recorded or uploaded."))
    if len(text) > MAX_TEXT:
        raise Refused("text", "too_long", _("A prompt may have 600 characters."))
    facts = _facts(data)
    with transaction.atomic():
        rows = PromptVersion.objects.filter(name=name, language=language)
        last = rows.aggregate(last=Max("number"))["last"] or 0
        file = f"versions/{language}/{name}-{last + 1}.wav"
        try:
            row = PromptVersion.objects.create(
                name=name, language=language, number=last + 1, source=source, text=text, file=file,
                seconds=facts.seconds, sha256=hashlib.sha256(data).hexdigest(), made_by=by,
            )  # fmt: skip
        except IntegrityError:
            raise Conflict("name", "at_once", _("Somebody saved one at this moment.")) from None
        _write(folder() / file, data)
        record("prompt.add", f"prompt:{name}/{language}", to_state=str(row.number), note=source,
               by=by)  # fmt: skip
        _changed(name, language)
    return row


def _facts(data: bytes) -> Any:
    if len(data) > MAX_BYTES:
        raise Refused("file", "too_long", _("A prompt lasts a minute at most."), status=413)
    try:
        return read_wav(data)
    except WrongSound as bad:
        texts = {
            "codec": _("This is not a WAV file of plain PCM (%(value)s)."),
            "form": _("The telephone plays 8000 Hz, 1 × 16 bit; this is %(value)s."),
            "too_short": _("A prompt lasts at least %(least)s s; this one has %(value)s."),
            "too_long": _("A prompt lasts at most %(most)s s; this one has %(value)s."),
            "silent": _("Nothing can be heard on it."),
        }
        values = {"value": bad.value, "least": LEAST_S, "most": int(MOST_S)}
        raise Refused("file", bad.code, texts[bad.code] % values) from bad


def speak(name: str, language: str, text: str, *, by: str) -> PromptVersion:
    """Have a text spoken as the next version of a prompt. Refused when it cannot be."""
    name, language = checked(name, language)
    return take_in(
        name, language, spoken(text, language), source="spoken", text=text.strip(), by=by
    )


def spoken(text: str, language: str) -> bytes:
    """A text as a wav file, kept nowhere. Refused when it cannot be spoken."""
    _name, language = checked("preview", language)
    text = text.strip()
    if not text or len(text) > MAX_TEXT:
        raise Refused("text", "length", _("Write 1 to 600 characters."))
    with tempfile.TemporaryDirectory(prefix="sp-speak-") as scratch:
        out = Path(scratch, "spoken.wav")
        try:
            VOICE.speak(text, "zh" if language == "zh" else "en", out)
        except PromptError as bad:
            log.warning("a text was not spoken: %s", bad)
            raise Refused("text", "voice", _("The voice cannot speak this just now.")) from bad
        return out.read_bytes()


def use(name: str, language: str, number: Any, *, by: str) -> None:
    """Choose which version callers hear from now on; 0 is the built-in one."""
    name, language = checked(name, language)
    rows = PromptVersion.objects.filter(name=name, language=language)
    with transaction.atomic():
        before = rows.select_for_update().filter(in_use=True).first()
        if number == 0 and name in PROMPTS:
            chosen = None
        else:
            whole = isinstance(number, int) and not isinstance(number, bool)
            chosen = rows.filter(number=number).first() if whole and 0 < number < 10**6 else None
            if chosen is None:
                raise Refused("number", "unknown", _("There is no such version."), status=404)
        rows.filter(in_use=True).update(in_use=False)
        if chosen is not None:
            chosen.in_use = True
            chosen.save(update_fields=["in_use"])
        record(
            "prompt.use", f"prompt:{name}/{language}", to_state=str(number), by=by,
            from_state=str(before.number if before else 0),
        )  # fmt: skip
        _lay(name, language, chosen)
        _clear(name, language)
        _changed(name, language)


def sound(name: str, language: str, number: int) -> Path:
    """The file of a version; 0 is the built-in one. Refused (404) when there is none."""
    name, language = checked(name, language)
    path = Path(settings.STANDPIPE["PROMPTS"]) / language / f"{name}.wav"
    if number:
        row = PromptVersion.objects.filter(name=name, language=language, number=number).first()
        path = folder() / row.file if row is not None else folder() / "none"
    if not path.is_file():
        raise Refused("number", "missing", _("This recording is not there."), status=404)
    return path


def _write(path: Path, data: bytes) -> None:
    """All or nothing, and readable by the telephone exchange's own user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    try:
        partial.write_bytes(data)
        partial.chmod(0o644)
        partial.replace(path)
    except OSError as full:
        partial.unlink(missing_ok=True)
        log.error("a prompt was not written: %s", full)
        raise Refused("file", "disk", _("It cannot be stored just now: no room?")) from full


def _lay(name: str, language: str, row: PromptVersion | None) -> None:
    """Put the version in force where the telephone looks, or take it away for the built-in one."""
    heard = folder() / language / f"{name}.wav"
    if row is None:
        heard.unlink(missing_ok=True)
        return
    kept = folder() / row.file
    if not kept.is_file():
        raise Refused("number", "missing", _("This recording is not there."), status=404)
    _write(heard, kept.read_bytes())


def lay_out() -> int:
    """Mend what the telephone finds: the versions in force, and no others. How many were lost.

    A recording that is gone raises the alarm; callers hear the built-in prompt meanwhile.
    """
    rows = list(PromptVersion.objects.filter(in_use=True))
    wanted = {(row.language, f"{row.name}.wav"): row for row in rows}
    lost = 0
    for (language, file), row in wanted.items():
        heard = folder() / language / file
        if heard.is_file() and heard.stat().st_size > 0:
            continue
        try:
            _lay(row.name, row.language, row)
        except Refused:
            lost += 1
            missing(row.name, row.language)
    for language in LANGUAGES:
        for path in (folder() / language).glob("*.wav"):
            if (language, path.name) not in wanted:
                path.unlink(missing_ok=True)
    return lost


def missing(name: str, language: str) -> None:
    """A prompt that was to be heard is not there: raise the alarm once, count it after that."""
    with transaction.atomic():
        known = PromptAlarm.objects.filter(name=name[:40], language=language, cleared_at=None)
        if known.update(count=F("count") + 1, last_at=timezone.now()):
            return
        PromptAlarm.objects.create(name=name[:40], language=language)
        publish("prompt.missing", f"prompt:{name[:40]}/{language}", topic="calls",
                name=name[:40], language=language)  # fmt: skip
    log.error("the prompt %s (%s) is missing: callers hear the default one", name, language)


def _clear(name: str, language: str) -> None:
    PromptAlarm.objects.filter(name=name, language=language, cleared_at=None).update(
        cleared_at=timezone.now()
    )


def _changed(name: str, language: str) -> None:
    publish("prompt.changed", f"prompt:{name}/{language}", topic="calls", name=name,
            language=language)  # fmt: skip


def overview() -> list[dict[str, Any]]:
    """Every prompt in every language: its words, which version is heard, and all there are."""
    rows: dict[tuple[str, str], list[PromptVersion]] = {}
    for row in PromptVersion.objects.all():
        rows.setdefault((row.name, row.language), []).append(row)
    names = sorted(set(PROMPTS) | {name for name, _language in rows})
    return [_prompt(n, lang, rows.get((n, lang), [])) for n in names for lang in LANGUAGES]


def _prompt(name: str, language: Language, rows: list[PromptVersion]) -> dict[str, Any]:
    used = next((row for row in rows if row.in_use), None)
    words = PROMPTS.get(name, {}).get(language, "")
    return {
        "name": name, "language": language, "built_in": name in PROMPTS, "words": words,
        "text": used.text or words if used else words,
        "in_use": used.number if used else 0 if name in PROMPTS else None,
        "versions": [
            {"number": r.number, "source": r.source, "source_label": str(r.get_source_display()),
             "text": r.text, "seconds": r.seconds, "made_by": r.made_by, "made_at": r.made_at}
            for r in rows
        ],
    }  # fmt: skip


def alarms() -> list[dict[str, Any]]:
    """Prompts that are missing now."""
    return [
        {"name": a.name, "language": a.language, "count": a.count, "since": a.first_at,
         "last_at": a.last_at}
        for a in PromptAlarm.objects.filter(cleared_at=None)
    ]  # fmt: skip


def texts(language: Language) -> dict[str, str]:
    """The words of every prompt as it is heard now, for the preview."""
    words = {name: text[language] for name, text in PROMPTS.items()}
    for row in PromptVersion.objects.filter(language=language, in_use=True).exclude(text=""):
        words[row.name] = row.text
    return words
