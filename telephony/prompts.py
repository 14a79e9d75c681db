"""Speech as files: prompts made once at set-up, sentences made when needed and kept.

The engine is espeak-ng, the form 8 kHz 16-bit mono. Files are made, never shipped.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from telephony.sentences import LANGUAGES, PROMPTS, Language, Say
from telephony.tones import RATE_HZ, tone_samples, write_wav

log = logging.getLogger(__name__)
SPEAK_TIMEOUT_S = 4.0
MAX_SENTENCE = 600
MAX_KEPT = 2000
_MANIFEST = "made.json"
# Heard in place of a prompt that is missing.
DEFAULT_PROMPT = "choose-key"


class PromptError(Exception):
    """Speech cannot be made; the text says what is missing."""


class Voice(Protocol):
    """Whatever turns text into a wav file. Blocking; raises PromptError."""

    def speak(self, text: str, language: Language, out: Path) -> None: ...


class EspeakVoice:
    """espeak-ng and sox from the distribution."""

    _voices: dict[Language, tuple[str, str]] = {
        "en": ("en-gb", "150"),
        # The `cmn` voice reads Chinese characters as if they were English; pinyin it can read.
        "zh": ("cmn-latn-pinyin", "160"),
    }

    def speak(self, text: str, language: Language, out: Path) -> None:
        """Write `text` spoken to `out` (.wav). Raises PromptError."""
        for tool, package in (("espeak-ng", "espeak-ng"), ("sox", "sox")):
            if shutil.which(tool) is None:
                raise PromptError(f"{tool} is not installed (Debian package {package})")
        voice, speed = self._voices[language]
        spoken = pinyin(text) if language == "zh" else text
        with tempfile.TemporaryDirectory(prefix="sp-voice-") as scratch:
            raw, cooked = Path(scratch, "raw.wav"), Path(scratch, "cooked.wav")
            # The text goes in by standard input: it may begin with a dash.
            _run(["espeak-ng", "-v", voice, "-s", speed, "-w", str(raw), "--stdin"], spoken)
            _run(["sox", str(raw), "-r", str(RATE_HZ), "-c", "1", "-b", "16", str(cooked),
                  "norm", "-3"], "")  # fmt: skip
            out.parent.mkdir(parents=True, exist_ok=True)
            partial = out.with_name(f".{out.stem}.{id(raw):x}.part")
            shutil.copyfile(cooked, partial)
            partial.replace(out)


def _run(command: list[str], text: str) -> None:
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=SPEAK_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise PromptError(f"{command[0]}: {failure}") from failure
    if done.returncode:
        reason = done.stderr.decode("utf-8", errors="replace").strip()[-200:]
        raise PromptError(f"{command[0]} failed: {reason}")


def pinyin(text: str) -> str:
    """Chinese characters as pinyin with tone numbers, five for the neutral tone."""
    from pypinyin import Style, lazy_pinyin

    stops = str.maketrans("，。、；：？！", ",.,;:?!")
    words = lazy_pinyin(
        text.translate(stops), style=Style.TONE3, neutral_tone_with_five=True, errors="default"
    )
    return " ".join(words)


def synthesise(
    directory: Path,
    *,
    voice: Voice | None = None,
    languages: tuple[Language, ...] = LANGUAGES,
    say: Callable[[str], None] = lambda line: None,
) -> int:
    """Make the prompts that are missing or whose text changed; returns how many were made.

    `directory/<language>/<name>.wav`, and the sound for waiting in `directory/hold`.
    Raises PromptError.
    """
    voice = voice or EspeakVoice()
    directory.mkdir(parents=True, exist_ok=True)
    manifest = directory / _MANIFEST
    made = _read_manifest(manifest)
    count = 0
    for language in languages:
        for name, texts in PROMPTS.items():
            out = directory / language / f"{name}.wav"
            key, mark = f"{language}/{name}", _digest(texts[language])
            if out.exists() and made.get(key) == mark:
                continue
            if count == 0:
                say("Speaking the telephone prompts")
            voice.speak(texts[language], language, out)
            made[key] = mark
            count += 1
    if not (directory / "hold" / "hold.wav").exists():
        (directory / "hold").mkdir(exist_ok=True)
        write_wav(directory / "hold" / "hold.wav", hold_sound())
        count += 1
    if count:
        manifest.write_text(json.dumps(made, indent=1, sort_keys=True), encoding="utf-8")
    return count


def spoken_file(
    prompts: Path, text: str, language: Language, *, voice: Voice | None = None
) -> str:
    """Media path of `text`, spoken now unless it was before. Blocking; raises PromptError."""
    text = text[:MAX_SENTENCE]
    out = prompts / "spoken" / f"{language}-{_digest(text)}.wav"
    if not out.exists():
        (voice or EspeakVoice()).speak(text, language, out)
    return str(out.with_suffix(""))


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def hold_sound() -> list[int]:
    """Twelve quiet seconds: a soft two-note chord that swells and fades every three."""
    samples: list[int] = []
    for low, high in ((262, 330), (294, 349), (330, 392), (294, 370)):
        count = RATE_HZ * 3
        a, b = tone_samples(low, count, 0.05), tone_samples(high, count, 0.04)
        for n in range(count):
            swell = min(1.0, n / 4000, (count - n) / 8000)
            samples.append(int((a[n] + b[n]) * swell))
    return samples


Missing = Callable[[str, Language], None]


class Speech:
    """Finds or makes the sound for a `Say`. Paths come without extension, as Asterisk wants.

    `own` holds a utility's own recordings in force (`<language>/<name>.wav`), which are looked for
    at every playing: another one is heard from the next call on. `missing` is told of a prompt
    that is nowhere; the caller then hears DEFAULT_PROMPT, which names the two keys that always
    lead to a person.
    """

    def __init__(
        self, prompts: Path, voice: Voice | None = None, *, own: Path | None = None,
        missing: Missing | None = None,
    ) -> None:  # fmt: skip
        self._prompts = prompts
        self._own = own
        self._missing = missing
        self._voice = voice or EspeakVoice()
        self._making: dict[str, asyncio.Task[None]] = {}

    def prompt(self, name: str, language: Language) -> str:
        """Media path of a fixed prompt, or of the default one when it is not there."""
        folders = [self._prompts] if self._own is None else [self._own, self._prompts]
        for folder in folders:
            if (folder / language / f"{name}.wav").is_file():
                return str(folder / language / name)
        default = self._prompts / language / DEFAULT_PROMPT
        if self._missing is not None:
            self._missing(name, language)
        if default.with_suffix(".wav").is_file():
            return str(default)
        return str(self._prompts / language / name)

    async def media(self, say: Say) -> str:
        """Media path of `say`; its fixed prompt when the sentence cannot be made in time."""
        fallback = self.prompt(say.prompt, say.language)
        if not say.sentence:
            return fallback
        text = say.sentence[:MAX_SENTENCE]
        key = f"{say.language}-{_digest(text)}"
        out = self._prompts / "spoken" / f"{key}.wav"
        if not out.exists():
            task = self._making.get(key)
            if task is None:
                task = asyncio.create_task(
                    asyncio.to_thread(self._voice.speak, text, say.language, out)
                )
                self._making[key] = task
                task.add_done_callback(lambda _: self._making.pop(key, None))
            try:
                async with asyncio.timeout(SPEAK_TIMEOUT_S):
                    await asyncio.shield(task)
            except (PromptError, OSError, TimeoutError) as failure:
                log.warning("a sentence was not spoken, its prompt is used: %s", failure)
                return fallback
        return str(out.with_suffix(""))

    async def warm(self) -> None:
        """Load the Chinese dictionary now, not while the first Chinese caller waits."""
        await asyncio.to_thread(pinyin, "水")

    def prune(self) -> int:
        """Delete the oldest spoken sentences beyond MAX_KEPT; returns how many."""
        files = sorted(
            (self._prompts / "spoken").glob("*.wav"), key=lambda path: path.stat().st_mtime
        )
        for path in files[:-MAX_KEPT]:
            path.unlink(missing_ok=True)
        return max(0, len(files) - MAX_KEPT)
