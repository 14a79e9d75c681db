"""The telephone menu as data: what a caller hears, which key leads where.

    {"start": "hello", "keys": {"9": "message"}, "nodes": {
        "hello":   {"kind": "say", "say": ["recorded"], "next": "known"},
        "known":   {"kind": "enquiry", "what": "verdict",
                    "ways": {"known": "choose"}, "next": "queue"},
        "choose":  {"kind": "menu", "say": ["choose-key"], "tries": 1, "otherwise": "queue"},
        "queue":   {"kind": "transfer"},
        "message": {"kind": "message"}}}

Two keys belong to the caller at every level and to no tree: 1 is an emergency, 0 a person. Where
digits are entered, a lone 1 or 0 followed by silence or # means the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from telephony.dialplan.values import QUEUE_CODE
from telephony.sentences import LANGUAGES

Kind = Literal[
    "say", "menu", "ask", "enquiry", "hours", "language", "transfer", "message", "callback", "end"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What can be looked up while a caller waits, and the results a tree may have ways for.
ENQUIRIES: Mapping[str, tuple[str, ...]] = {
    "verdict": ("known", "nothing"),
    "outage": ("known", "nothing", "unknown"),
    "bill": ("ok", "wrong", "down"),
    "bill_ticket": ("ok", "down"),
    "ticket": ("ok", "wrong", "down"),
}
# What an enquiry must have asked for before; an outage is told by the caller's number as well.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "bill": ("account", "factor"),
    "ticket": ("ticket", "ticket_factor"),
}
ASKED: tuple[str, ...] = ("account", "factor", "ticket", "ticket_factor")
DAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MENU_KEYS = "23456789*#"
MAX_NODES = 120
MAX_SAYS = 6
MAX_TRIES = 5
MIN_DIGITS, MAX_DIGITS = 3, 20
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
# A prompt in front of which this stands is said in the language the call is not held in.
OTHER = "other:"
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a tree cannot be used: where (node and field, '' for the whole) and what kind of fault.

    `code` is stable for programs; `value` is what was found.
    """

    node: str
    field: str
    code: str
    value: str = ""


class TreeError(ValueError):
    """A tree cannot be used; `problems` says why, the first of them in the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__(
            f"{first.node or 'tree'}.{first.field}: {first.code} {first.value}".strip()
        )
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Node:
    """One place in the conversation. Which fields mean something depends on `kind`.

    `queue` is where a person is found from here on; `tries` how often a menu or a question is
    repeated; `otherwise` where silence leads after that ('' for a person).
    """

    kind: Kind
    say: tuple[str, ...] = ()
    next: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""
    tries: int = 3
    wait_s: float = 4.0
    what: str = ""
    least: int = MIN_DIGITS
    most: int = MAX_DIGITS
    ways: Mapping[str, str] = field(default_factory=dict)
    queue: str = ""
    priority: int = 0
    language: str = ""
    days: tuple[str, ...] = ()
    opens: str = ""
    closes: str = ""
    holidays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """A checked tree. `version` is 0 for the one that is built in."""

    start: str
    nodes: Mapping[str, Node]
    keys: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

    def leads_to(self, name: str) -> tuple[str, ...]:
        """The nodes a node can lead to, in the order a person would name them; no repeats."""
        node = self.nodes[name]
        ways = [*node.keys.values(), *node.ways.values(), node.next, node.otherwise]
        return tuple(dict.fromkeys(way for way in ways if way))


# What each kind may hold besides `kind`, `title` and `queue`.
_FIELDS: Mapping[str, frozenset[str]] = {
    "say": frozenset({"say", "next"}),
    "menu": frozenset({"say", "keys", "otherwise", "tries", "wait_s"}),
    "ask": frozenset({"say", "what", "least", "most", "next", "tries", "wait_s"}),
    "enquiry": frozenset({"what", "ways", "next"}),
    "hours": frozenset({"days", "opens", "closes", "holidays", "ways"}),
    "language": frozenset({"language", "next"}),
    "transfer": frozenset({"say", "priority"}),
    "message": frozenset({"say"}),
    "callback": frozenset({"next"}),
    "end": frozenset({"say"}),
}
_EVERYWHERE = frozenset({"kind", "title", "queue"})
_MUST_SAY = frozenset({"say", "menu", "ask"})
_LEAVES = frozenset({"transfer", "message", "end"})


def fields_of(kind: str) -> tuple[str, ...]:
    """The fields a node of `kind` may have, in a fixed order."""
    return tuple(sorted(_FIELDS[kind]))


def parse(data: Any, *, version: int = 0) -> Tree:
    """The tree in `data` (its JSON form). Raises TreeError with everything that is wrong."""
    problems = check(data)
    if problems:
        raise TreeError(problems)
    return Tree(
        start=data["start"], keys=MappingProxyType(dict(data.get("keys", {}))), version=version,
        nodes=MappingProxyType({name: _node(raw) for name, raw in data["nodes"].items()}),
    )  # fmt: skip


def _node(raw: Mapping[str, Any]) -> Node:
    plain: dict[str, Any] = {k: v for k, v in raw.items() if k != "title"}
    for name in ("say", "days", "holidays"):
        if name in plain:
            plain[name] = tuple(plain[name])
    for name in ("keys", "ways"):
        if name in plain:
            plain[name] = MappingProxyType(dict(plain[name]))
    return Node(**plain)


def check(
    data: Any, *, prompts: Collection[str] | None = None, queues: Collection[str] | None = None
) -> tuple[Problem, ...]:
    """What is wrong with a tree in its JSON form, nothing for a good one. Never raises.

    `prompts` and `queues` are the names that exist; None leaves that unchecked.
    """
    if not isinstance(data, Mapping):
        return (Problem("", "", "not_a_tree"),)
    nodes = data.get("nodes")
    if not isinstance(nodes, Mapping) or not nodes:
        return (Problem("", "nodes", "empty"),)
    if len(nodes) > MAX_NODES:
        return (Problem("", "nodes", "too_many", str(MAX_NODES)),)
    found: list[Problem] = [
        Problem("", str(name)[:40], "unknown_field")
        for name in data if name not in ("start", "keys", "nodes")
    ]  # fmt: skip
    if not isinstance(data.get("start"), str) or data["start"] not in nodes:
        found.append(Problem("", "start", "no_such_node", _shown(data.get("start"))))
    found += _keys("", data.get("keys", {}), nodes, MENU_KEYS)
    for name, raw in nodes.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            found.append(Problem(_shown(name), "name", "bad_name"))
        elif not isinstance(raw, Mapping) or raw.get("kind") not in KINDS:
            found.append(Problem(name, "kind", "unknown_kind"))
        else:
            found += _check_node(name, raw, nodes, prompts, queues)
    # A walk over broken nodes would only repeat what was said already.
    return tuple(found) or tuple(_check_walk(data))


def _check_node(
    name: str, raw: Mapping[str, Any], nodes: Mapping[str, Any],
    prompts: Collection[str] | None, queues: Collection[str] | None,
) -> list[Problem]:  # fmt: skip
    kind = raw["kind"]
    found = [
        Problem(name, str(given)[:40], "unknown_field")
        for given in raw if given not in _FIELDS[kind] | _EVERYWHERE
    ]  # fmt: skip
    if not isinstance(raw.get("title", ""), str) or len(raw.get("title", "")) > 80:
        found.append(Problem(name, "title", "bad_text"))
    found += _says(name, raw, prompts)
    queue = raw.get("queue", "")
    if not isinstance(queue, str) or (queue and not QUEUE_CODE.fullmatch(queue)):
        found.append(Problem(name, "queue", "no_such_queue", _shown(queue)))
    elif queue and queues is not None and queue not in queues:
        found.append(Problem(name, "queue", "no_such_queue", queue))
    for way in ("next", "otherwise"):
        if way in raw and raw[way] != "" and raw[way] not in nodes:
            found.append(Problem(name, way, "no_such_node", _shown(raw[way])))
    if kind in ("say", "ask", "language", "enquiry", "callback") and not raw.get("next"):
        found.append(Problem(name, "next", "needed"))
    if kind == "menu":
        found += _keys(name, raw.get("keys", {}), nodes, MENU_KEYS)
        if not raw.get("keys") and not raw.get("otherwise"):
            found.append(Problem(name, "keys", "needed"))
    found += _numbers(name, raw)
    if kind == "ask" and raw.get("what") not in ASKED:
        found.append(Problem(name, "what", "unknown_question", _shown(raw.get("what"))))
    if kind == "enquiry":
        found += _ways(name, raw, nodes, ENQUIRIES)
    if kind == "language" and raw.get("language") not in (*LANGUAGES, "other"):
        found.append(Problem(name, "language", "unknown_language", _shown(raw.get("language"))))
    if kind == "hours":
        found += _hours(name, raw, nodes)
    return found


def _says(name: str, raw: Mapping[str, Any], prompts: Collection[str] | None) -> list[Problem]:
    says = raw.get("say", [])
    if not isinstance(says, list) or len(says) > MAX_SAYS:
        return [Problem(name, "say", "bad_list", str(MAX_SAYS))]
    if raw["kind"] in _MUST_SAY and not says:
        return [Problem(name, "say", "needed")]
    bad = [
        say for say in says
        if not isinstance(say, str) or not NAME.fullmatch(say.removeprefix(OTHER))
        or (prompts is not None and say.removeprefix(OTHER) not in prompts)
    ]  # fmt: skip
    return [Problem(name, "say", "no_such_prompt", _shown(say)) for say in bad]


def _keys(name: str, keys: Any, nodes: Mapping[str, Any], allowed: str) -> list[Problem]:
    if not isinstance(keys, Mapping):
        return [Problem(name, "keys", "bad_list")]
    found = []
    for key, way in keys.items():
        if key in ("0", "1"):
            found.append(Problem(name, "keys", "key_is_taken", key))
        elif not isinstance(key, str) or len(key) != 1 or key not in allowed:
            found.append(Problem(name, "keys", "no_key", _shown(key)))
        elif not isinstance(way, str) or way not in nodes:
            found.append(Problem(name, "keys", "no_such_node", _shown(way)))
    return found


def _ways(
    name: str, raw: Mapping[str, Any], nodes: Mapping[str, Any],
    known: Mapping[str, tuple[str, ...]],
) -> list[Problem]:  # fmt: skip
    what, ways = raw.get("what"), raw.get("ways", {})
    if not isinstance(what, str) or what not in known:
        return [Problem(name, "what", "unknown_enquiry", _shown(what))]
    if not isinstance(ways, Mapping):
        return [Problem(name, "ways", "bad_list")]
    found = [
        Problem(name, "ways", "unknown_result", _shown(w)) for w in ways if w not in known[what]
    ]
    found += [
        Problem(name, "ways", "no_such_node", _shown(way))
        for way in ways.values() if not isinstance(way, str) or way not in nodes
    ]  # fmt: skip
    return found


def _numbers(name: str, raw: Mapping[str, Any]) -> list[Problem]:
    limits = {
        "tries": (1, MAX_TRIES), "wait_s": (1, 15), "priority": (0, 9),
        "least": (MIN_DIGITS, MAX_DIGITS), "most": (MIN_DIGITS, MAX_DIGITS),
    }  # fmt: skip
    found = []
    for given, (low, high) in limits.items():
        value = raw.get(given, low)
        whole = given != "wait_s"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            found.append(Problem(name, given, "no_number", _shown(value)))
        elif not low <= value <= high:
            found.append(Problem(name, given, "out_of_range", f"{low}–{high}"))
    if not found and raw.get("least", MIN_DIGITS) > raw.get("most", MAX_DIGITS):
        found.append(Problem(name, "least", "above_most"))
    return found


def _hours(name: str, raw: Mapping[str, Any], nodes: Mapping[str, Any]) -> list[Problem]:
    found = []
    days, holidays = raw.get("days", []), raw.get("holidays", [])
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        found.append(Problem(name, "days", "bad_days"))
    for given in ("opens", "closes"):
        if not isinstance(raw.get(given), str) or not _CLOCK.fullmatch(raw[given]):
            found.append(Problem(name, given, "bad_clock", _shown(raw.get(given))))
    if not found and raw["opens"] >= raw["closes"]:
        found.append(Problem(name, "closes", "before_opening"))
    if not isinstance(holidays, list) or len(holidays) > 60 or any(
        not isinstance(day, str) or not _DATE.fullmatch(day) for day in holidays
    ):  # fmt: skip
        found.append(Problem(name, "holidays", "bad_date"))
    ways = raw.get("ways", {})
    for way in ("open", "closed"):
        if not isinstance(ways, Mapping) or ways.get(way) not in nodes:
            found.append(Problem(name, "ways", "needed", way))
    return found


def _shown(value: object) -> str:
    return str(value)[:40] if value is not None else ""


def _check_walk(data: Mapping[str, Any]) -> list[Problem]:
    """Every node can be reached, no caller is led round without a key, enquiries were asked for."""
    tree = Tree(
        data["start"], {n: _node(raw) for n, raw in data["nodes"].items()}, data.get("keys", {})
    )
    reached = _reached(tree)
    found = [Problem(name, "", "unreachable") for name in tree.nodes if name not in reached]
    found += [Problem(name, "next", "endless") for name in _endless(tree)]
    for name, node in tree.nodes.items():
        for need in NEEDS.get(node.what, ()) if node.kind == "enquiry" else ():
            if name in reached and not _always_asked(tree, name, need):
                found.append(Problem(name, "what", "not_asked", need))
    return found


def _reached(tree: Tree, without: Collection[str] = ()) -> set[str]:
    reached: set[str] = set()
    todo = [tree.start, *tree.keys.values()]
    while todo:
        name = todo.pop()
        if name not in reached and name not in without:
            reached.add(name)
            todo += tree.leads_to(name)
    return reached


def _endless(tree: Tree) -> list[str]:
    """Nodes on a circle in which nobody has to press anything."""

    def silent(name: str) -> tuple[str, ...]:
        node = tree.nodes[name]
        if node.kind in ("menu", "ask") or node.kind in _LEAVES:
            return (node.otherwise,) if node.kind == "menu" and node.otherwise else ()
        return tree.leads_to(name)

    found = []
    for name in tree.nodes:
        seen: set[str] = set()
        todo = list(silent(name))
        while todo and name not in seen:
            step = todo.pop()
            if step not in seen:
                seen.add(step)
                todo += silent(step)
        if name in seen:
            found.append(name)
    return found


def _always_asked(tree: Tree, enquiry: str, need: str) -> bool:
    """Nobody reaches the enquiry without having passed a question for `need`."""
    askers = {n for n, node in tree.nodes.items() if node.kind == "ask" and node.what == need}
    return enquiry not in _reached(tree, without=askers)
