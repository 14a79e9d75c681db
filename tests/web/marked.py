"""Find every string marked for translation in templates, JavaScript and Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server"

_TRANSLATE = re.compile(r"""{%\s*translate\s+(?:"([^"]*)"|'([^']*)')[^%]*%}""")
_BLOCK = re.compile(
    r"{%\s*blocktranslate\b[^%]*%}(.*?)(?:{%\s*plural\s*%}(.*?))?{%\s*endblocktranslate\s*%}",
    re.DOTALL,
)
_QUOTED = r"'((?:[^'\\]|\\.)*)'"
_JS_ONE = re.compile(r"(?<![\w.])gettext\(\s*" + _QUOTED)
_JS_MANY = re.compile(r"(?<![\w.])ngettext\(\s*" + _QUOTED + r"\s*,\s*" + _QUOTED)
_PY_CALLS = {
    "_",
    "gettext",
    "gettext_lazy",
    "ngettext",
    "ngettext_lazy",
    "gettext_noop",
    "pgettext",
}


def _unescape(text: str) -> str:
    return text.replace("\\'", "'").replace("\\n", "\n").replace("\\\\", "\\")


def in_templates() -> Iterator[tuple[str, str]]:
    """(text, file) of every translate and blocktranslate tag."""
    for path in sorted((SERVER / "templates").rglob("*.html")):
        source = path.read_text(encoding="utf-8")
        for match in _TRANSLATE.finditer(source):
            yield match.group(1) or match.group(2), str(path.relative_to(ROOT))
        for match in _BLOCK.finditer(source):
            for text in match.groups():
                if text:
                    named = re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", text)
                    yield named, str(path.relative_to(ROOT))


def in_javascript() -> Iterator[tuple[str, str]]:
    for path in sorted((SERVER / "static" / "js").rglob("*.js")):
        if path.name == "i18n.js":
            continue
        source = path.read_text(encoding="utf-8")
        where = str(path.relative_to(ROOT))
        for match in _JS_ONE.finditer(source):
            yield _unescape(match.group(1)), where
        for match in _JS_MANY.finditer(source):
            yield _unescape(match.group(1)), where
            yield _unescape(match.group(2)), where


def in_python() -> Iterator[tuple[str, str]]:
    for path in sorted(SERVER.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        where = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name not in _PY_CALLS:
                continue
            take = 2 if name.startswith("ngettext") else 1
            for argument in node.args[:take]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, where


def read_po(path: Path) -> dict[str, list[str]]:
    """msgid (and msgid_plural) to its translations; a small reader for hand-written files."""
    found: dict[str, list[str]] = {}
    ids: list[str] = []
    texts: list[str] = []
    fuzzy = False
    target: list[str] | None = None

    def finish() -> None:
        for one in ids:
            if one and not fuzzy:
                found[one] = list(texts)

    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        stripped = line.strip()
        if not stripped:
            finish()
            ids, texts, fuzzy, target = [], [], False, None
        elif stripped.startswith("#,") and "fuzzy" in stripped:
            fuzzy = True
        elif stripped.startswith("msgid"):
            ids.append(ast.literal_eval(stripped.split(" ", 1)[1]))
            target = ids
        elif stripped.startswith("msgstr"):
            texts.append(ast.literal_eval(stripped.split(" ", 1)[1]))
            target = texts
        elif stripped.startswith('"') and target is not None:
            target[-1] += ast.literal_eval(stripped)
    return found
