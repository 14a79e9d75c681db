"""The documentation says what is so: links lead somewhere, commands and names exist."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from ops import cli

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md")])
DECISIONS = sorted((REPO / "docs/adr").glob("*.md"))
HEADINGS = ["Context", "Decision", "Evidence", "Consequences"]
# Words after `standpipe` in a sentence that are no command: the script's own switches.
SWITCHES = {"--version", "--help", "-h"}


def _name(path: Path) -> str:
    return str(path.relative_to(REPO))


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def _links(page: Path) -> list[str]:
    found = re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", _without_code(page.read_text("utf-8")))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def _anchors(page: Path) -> set[str]:
    """The anchors a forge makes of headings: lower case, spaces to hyphens, marks dropped."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", h.lower()) for h in heads)
    return {h.strip().replace(" ", "-") for h in plain}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        there = target.exists() and target.is_relative_to(REPO)
        if there and anchor and target.suffix == ".md":
            there = anchor in _anchors(target)
        if not there:
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_named_exists(page: Path) -> None:
    named = set(re.findall(r"\./standpipe +(-{0,2}[a-z][a-z-]*)", page.read_text("utf-8")))
    known = {*cli._ANSWERS, *cli.HANDED_ON} | SWITCHES
    assert named - known == set()


def test_the_commands_listed_by_help_exist_and_are_described() -> None:
    listed = {line.split()[0] for line in cli.COMMANDS.splitlines()}
    assert listed <= {*cli._ANSWERS, *cli.HANDED_ON}
    described = (REPO / "docs/operations.md").read_text("utf-8")
    assert [name for name in sorted(listed) if f"`{name}" not in described] == []


@cache
def _names(path: Path) -> frozenset[str]:
    """Every name and every short text that a module holds."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.AsyncFunctionDef(name=name) | ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.Constant(value=str(text)) if len(text) < 60:
                found.add(text)
    return frozenset(found)


def _rows(page: str) -> list[list[str]]:
    text = (REPO / page).read_text("utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def test_every_word_of_the_glossary_is_a_name_in_the_code() -> None:
    placed = [(r[0].strip("`"), r[1].strip("`")) for r in _rows("docs/glossary.md") if len(r) == 5]
    assert len(placed) > 50
    missing = [
        f"{name} in {where}"
        for name, where in placed
        if not (REPO / where).is_file() or name not in _names(REPO / where)
    ]
    assert missing == []


def test_every_kind_and_state_of_the_glossary_is_in_the_code() -> None:
    words = {r[0].strip("`") for r in _rows("docs/glossary.md") if len(r) == 3}
    known = frozenset().union(
        *(_names(REPO / "server" / part) for part in (
            "tickets/models.py", "calls/verdict.py", "service_level/models.py",
        ))
    )  # fmt: skip
    assert words and words - known == set()


def test_a_word_of_the_glossary_stands_there_once() -> None:
    words = [r[0] for r in _rows("docs/glossary.md") if len(r) == 5]
    assert len(words) == len(set(words))


def test_functions_of_the_walk_exist_where_it_says() -> None:
    """In docs/flow.md, `app.module.name` and `library.module.name` are real."""
    text = (REPO / "docs/flow.md").read_text("utf-8")
    missing = []
    for dotted in re.findall(r"`([a-z_]+(?:\.\w+)+)`", text):
        parts = dotted.split(".")
        for cut in range(len(parts), 0, -1):
            tail = Path(*parts[:cut]).with_suffix(".py")
            path = next((p for p in (REPO / "server" / tail, REPO / tail) if p.is_file()), None)
            if path is not None:
                missing += [dotted for name in parts[cut:] if name not in _names(path)]
                break
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_named_in_code_type_exists(page: Path) -> None:
    """Paths of Python files and folders of ours; those below server/ may leave `server/` out."""
    named = re.findall(r"`([\w./-]+\.(?:py|js|yml|toml|css))`", page.read_text("utf-8"))
    roots = (REPO, REPO / "server", REPO / "mobile_app", page.parent)
    missing = [
        name
        for name in named
        if "/" in name and not any((root / name).exists() for root in roots)
    ]
    assert missing == []


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_has_its_four_headings_in_order(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    assert re.match(rf"# {page.name[:4]}\. \S", text)


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    index = (REPO / "docs/README.md").read_text("utf-8")
    assert [p.name for p in DECISIONS if f"(adr/{p.name})" not in index] == []


def test_every_page_is_in_the_index() -> None:
    index = (REPO / "docs/README.md").read_text("utf-8")
    pages = [p.name for p in (REPO / "docs").glob("*.md") if p.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []


def test_clocks_are_written_down_as_they_run() -> None:
    from server.service_level.policy import ALLOWED_S

    def words(seconds: int) -> str:
        if seconds < 60:
            return f"{seconds} s"
        return f"{seconds // 60} min" if seconds <= 5400 else f"{seconds // 3600} h"

    rows = {r[0].strip("`"): r[3:7] for r in _rows("docs/service-levels.md") if len(r) == 7}
    said = {
        kind: [words(by[p]) if p in by else "–" for p in ("P1", "P2", "P3", "P4")]
        for kind, by in ALLOWED_S.items()
    }
    assert rows == said


def test_every_event_written_is_in_the_list_of_events() -> None:
    text = (REPO / "docs/events.md").read_text("utf-8")
    shape = re.compile(
        r"(?:call|agent|incident|ticket|order|shutoff|valve|clock|crew|sms)\.[a-z_]+"
    )
    written: set[str] = set()
    for path in (REPO / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "publish", "_tell", "tell_call", "tell_incident", "_tell_ticket", "_move",
            ):
                written |= {
                    c.value
                    for argument in node.args[:2]
                    for c in ast.walk(argument)
                    if isinstance(c, ast.Constant)
                    and isinstance(c.value, str)
                    and shape.fullmatch(c.value)
                }
    assert "call.queued" in written and "order.changed" in written
    assert [name for name in sorted(written) if f"`{name}`" not in text] == []


def test_the_layers_are_drawn_as_the_contract_has_them() -> None:
    settings = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(c for c in settings["contracts"] if c["type"] == "layers")
    wanted = [[app.strip() for app in layer.split("|")] for layer in contract["layers"]]
    text = (REPO / "docs/architecture.md").read_text("utf-8")
    drawn = re.findall(r"^server/(\w+(?: · \w+)*)", text, flags=re.MULTILINE)
    assert [line.split(" · ") for line in drawn] == wanted


def _shape(address: str) -> str:
    """/api/calls/<id>/draft and calls/<str:call_id>/draft are one door."""
    return re.sub(r"<[^>]+>", "<>", address.partition("?")[0]).strip("/")


def test_every_door_of_the_json_interface_is_described_and_no_other() -> None:
    doors = set()
    for path in (REPO / "server").rglob("urls.py"):
        if path.parent.name in ("config", "portal"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "path":
                assert isinstance(node.args[0], ast.Constant)
                doors.add(_shape(f"api/{node.args[0].value}"))
    text = (REPO / "docs/api.md").read_text("utf-8")
    described = {_shape(a) for a in re.findall(r"`(?:GET|POST|PUT) (/api/[^`]*)`", text)}
    assert described - {"api/schema"} == doors


def test_subscribers_are_listed_in_their_order() -> None:
    source = ast.parse((REPO / "server/config/settings.py").read_text("utf-8"))
    listed = next(
        ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "EVENT_SUBSCRIBERS" for t in node.targets)
    )
    rows = [r[0].strip("`") for r in _rows("docs/events.md") if ".subscribers." in r[0]]
    assert [f"server.{name}" for name in rows] == listed


def test_soft_reasons_and_skills_of_the_ranking_are_all_described() -> None:
    codes = {
        node.args[0].value
        for node in ast.walk(ast.parse((REPO / "server/dispatch/ranking.py").read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Reason"
        and isinstance(node.args[0], ast.Constant)
    }
    assert codes == {
        r[0].strip("`") for r in _rows("docs/dispatch.md") if re.fullmatch(r"`[a-z_]+`", r[0])
    }


def test_the_licence_is_apache_2_to_the_letter() -> None:
    import hashlib

    digest = hashlib.sha256((REPO / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
