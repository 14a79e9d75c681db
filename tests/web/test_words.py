"""Every word a person sees exists in Simplified Chinese; no page calls a stranger's server."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.web.marked import (
    ROOT,
    SERVER,
    in_javascript,
    in_python,
    in_templates,
    read_po,
)

LOCALE = SERVER / "locale" / "zh_Hans" / "LC_MESSAGES"
JS = SERVER / "static" / "js"
HAN = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"%\((\w+)\)")
# Said the same in both languages, or nothing but values.
SAME = {"P1", "P2", "P3", "P4", "English", "%(a)s of %(b)s"}


def _missing(marked: list[tuple[str, str]], po: str) -> list[str]:
    found = read_po(LOCALE / po)
    return sorted(
        f"{where}: {text}"
        for text, where in set(marked)
        if text not in SAME and not all(t.strip() for t in found.get(text, [""]))
    )


def test_every_word_in_templates_and_python_has_chinese() -> None:
    assert _missing([*in_templates(), *in_python()], "django.po") == []


def test_every_word_in_javascript_has_chinese() -> None:
    assert _missing(list(in_javascript()), "djangojs.po") == []


@pytest.mark.parametrize("po", ["django.po", "djangojs.po"])
def test_a_translation_keeps_every_named_value_and_is_chinese(po: str) -> None:
    for text, translations in read_po(LOCALE / po).items():
        for translation in translations:
            assert set(PLACEHOLDER.findall(translation)) == set(PLACEHOLDER.findall(text)), text
            assert text in SAME or HAN.search(translation) or text == "SMS", text


@pytest.mark.parametrize("po", ["django.po", "djangojs.po"])
def test_nothing_is_translated_that_no_screen_says(po: str) -> None:
    marked = [*in_templates(), *in_python()] if po == "django.po" else list(in_javascript())
    assert sorted(set(read_po(LOCALE / po)) - {text for text, _ in marked}) == []


def test_a_ticket_and_a_work_order_have_one_chinese_word_each() -> None:
    """服务单 is the promise to a customer, 派工单 what a crew does; 工单 alone could be either."""
    texts = [*LOCALE.glob("*.po"), ROOT / "mobile_app" / "text.py", ROOT / "docs" / "glossary.md",
             SERVER / "messaging" / "templates.py"]  # fmt: skip
    for path in texts:
        bare = re.findall(r".{0,12}(?<!派)工单.{0,12}", path.read_text(encoding="utf-8"))
        assert not bare, f"{path.name}: {bare}"


def test_plain_english_in_a_template_is_always_marked() -> None:
    allowed = {"Standpipe", "Ctrl K", "English", "python -m mobile_app --server"}
    tag = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
    block = re.compile(r"{%\s*blocktranslate.*?endblocktranslate\s*%}", re.DOTALL)
    code = re.compile(
        r"<(script|style|svg)\b.*?</\1>|{% block (?:body_class|theme) %}.*?{% endblock %}",
        re.DOTALL,
    )
    for path in (SERVER / "templates").rglob("*.html"):
        source = code.sub("", block.sub("", path.read_text(encoding="utf-8")))
        for text in re.findall(r">([^<]+)<", tag.sub("", source)):
            words = re.sub(r"\s+", " ", text).strip()
            plain = re.search(r"[A-Za-z]{3,}", words) and not any(a in words for a in allowed)
            assert not plain, f"{path.name}: {words}"


def test_no_page_asks_a_third_party_for_anything() -> None:
    host = re.compile(r"https?://([\w.-]+)|[\"'(]//([\w.-]+\.\w+)")
    for path in [*(SERVER / "templates").rglob("*"), *(SERVER / "static").rglob("*")]:
        if path.suffix in {".html", ".js", ".css", ".svg"}:
            hosts = {a or b for a, b in host.findall(path.read_text(encoding="utf-8"))}
            assert hosts <= {"www.w3.org"}, f"{path.relative_to(ROOT)}: {hosts}"


def test_html_is_only_written_by_the_escaping_template() -> None:
    writes = re.compile(r"\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write")
    guilty = [p.name for p in JS.rglob("*.js") if writes.search(p.read_text(encoding="utf-8"))]
    assert guilty == ["html.js"]
    safe = re.compile(r"\|\s*safe\b|mark_safe|{%\s*autoescape off")
    for path in (SERVER / "templates").rglob("*.html"):
        assert not safe.search(path.read_text(encoding="utf-8")), path.name


def test_every_module_is_checked_and_imports_only_what_exists() -> None:
    vendored = {"maplibre-gl", "echarts", "sip"}
    for path in JS.rglob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert source.startswith("// @ts-check"), path.name
        for target in re.findall(r"(?:^import .*from |\bimport\()'([^']+)'", source, re.M):
            if target.startswith("."):
                assert (path.parent / target).resolve().is_file(), f"{path.name}: {target}"
            else:
                assert target in vendored, f"{path.name}: {target}"


def test_templates_name_only_static_files_that_exist() -> None:
    for path in (SERVER / "templates").rglob("*.html"):
        for name in re.findall(r"{%\s*static\s+'([^']+)'", path.read_text(encoding="utf-8")):
            assert name.startswith("vendor/") or (SERVER / "static" / name).is_file(), name


@pytest.mark.parametrize(
    "name",
    [
        "live-dot", "incident-row", "crew-row", "assign-first", "verdict", "answer", "hangup",
        "register", "place-input", "ticket-number", "recording-audio", "map-ready", "wall-waiting",
    ],
)  # fmt: skip
def test_a_test_can_find_what_matters_by_name(name: str) -> None:
    files: list[Path] = [*(SERVER / "templates").rglob("*.html"), *JS.rglob("*.js")]
    marks = (f'data-testid="{name}"', f"dataset.testid = '{name}'")
    assert any(mark in p.read_text(encoding="utf-8") for p in files for mark in marks)


def test_the_pure_modules_do_what_their_own_tests_say() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js here; ./standpipe test brings one")
    files = [str(p) for p in sorted(Path(__file__).parent.glob("*.test.mjs"))]
    done = subprocess.run(
        [node, "--test", *files], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
