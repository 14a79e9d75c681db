"""The whole menu walked by callers on a real Asterisk, every key and every result of it.

Which way each caller should go is worked out here from the tree's JSON alone, by a walker of a
few lines that knows nothing of the interpreter. The prompts are short tones, one of its own for
each, so that what a caller hears can be measured.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from telephony.ami.events import CallEnded, Queued
from telephony.flow import Spoken
from telephony.incoming import Decision, IncomingCall, LeftFlow
from telephony.ivr_tree import ENQUIRIES, Tree, parse
from telephony.ivr_trees import TEMPLATES
from telephony.prompts import Speech, synthesise
from telephony.sentences import PROMPTS, Language, Say
from telephony.tones import RATE_HZ, tone_samples, write_wav
from tests.telephony.conftest import Desk, eventually, listening, private_config, running
from tests.telephony.sound import loud_tones

DIGITS = {"account": "2345", "factor": "6789", "ticket": "234", "ticket_factor": "6789"}
PHONE_NUMBER = "0405556677"


class ToneVoice:
    """Says every text as a short tone; `hz` tells which."""

    def __init__(self) -> None:
        self.hz: dict[str, int] = {}

    def speak(self, text: str, language: Language, out: Path) -> None:
        hz = self.hz.setdefault(text, 500 + 37 * len(self.hz))
        out.parent.mkdir(parents=True, exist_ok=True)
        write_wav(out, tone_samples(hz, int(RATE_HZ * 0.2)))


VOICE = ToneVoice()


@pytest.fixture(scope="module")
def exchange() -> Iterator[Desk]:
    """An Asterisk whose prompts are tones."""
    yield from toned(watchdog_s=60)


@pytest.fixture
def impatient() -> Iterator[Desk]:
    """One whose watchdog comes after four seconds."""
    yield from toned(watchdog_s=4)


def toned(**changes: Any) -> Iterator[Desk]:
    config = private_config(rtp_start=32000, rtp_end=32400, **changes)
    synthesise(config.prompts, voice=VOICE)
    with running(config) as (desk,):
        yield desk


def quick() -> dict[str, Any]:
    """The full tree for those who press nothing: one second, and each menu said twice."""
    data = copy.deepcopy(TEMPLATES["full"])
    for node in data["nodes"].values():
        if node["kind"] == "menu":
            node |= {"wait_s": 1, "tries": min(node.get("tries", 2), 2)}
        elif node["kind"] == "ask":
            node |= {"wait_s": 3}
    return data


# --- an oracle of its own --------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """What one caller does: keys, and the results that enquiries are to have, in order."""

    keys: str
    results: tuple[str, ...] = ()
    known: bool = False


def straight_on(data: Mapping[str, Any], name: str, results: list[str]) -> tuple[list[str], str]:
    """Nodes from `name` on until somebody has to press or the call leaves; the last is the stop."""
    nodes = [name]
    while True:
        node = data["nodes"][name]
        if node["kind"] in ("say", "language"):
            name = node["next"]
        elif node["kind"] == "enquiry":
            if not results:
                return nodes, name
            result = results.pop(0)
            name = node.get("ways", {}).get(result, node["next"])
        else:
            return nodes, name
        nodes.append(name)


def way(data: Mapping[str, Any], walk: Walk) -> tuple[list[str], str]:
    """(nodes in order, where it stops) for a walk; written from the tree's description alone."""
    results = ["known" if walk.known else "nothing", *walk.results]
    nodes, here = straight_on(data, data["start"], results)
    keys = deque(walk.keys)
    while keys:
        node, key = data["nodes"][here], keys.popleft()
        if node["kind"] == "ask":
            entered = key
            while keys and keys[0] != "#":
                entered += keys.popleft()
            if not keys:
                return nodes, here  # still entering
            keys.popleft()
            if entered in ("0", "1"):
                return nodes, f"@{entered}"
            more, here = straight_on(data, node["next"], results)
        elif key in "01":
            return nodes, f"@{key}"
        elif node["kind"] == "callback":
            if key == "3" and "#" not in keys:
                return nodes, here
            if key == "3":
                keys.clear()
            result = results.pop(0)
            more, here = straight_on(data, node["next"], results) if result == "ok" else ([], here)
        else:
            more, here = straight_on(data, {**data["keys"], **node["keys"]}[key], results)
        nodes += more
    return nodes, here


def entered(data: Mapping[str, Any], name: str) -> str:
    """Keys that lead on from a question."""
    return DIGITS[data["nodes"][name]["what"]] + "#"


def walks(data: Mapping[str, Any]) -> list[Walk]:
    """A walk for every key of every menu, every question and every result of every enquiry."""
    found: dict[str, Walk] = {}
    edges: list[Walk] = []
    todo = deque([Walk(""), Walk("", known=True)])
    while todo:
        walk = todo.popleft()
        here = way(data, walk)[1]
        node = data["nodes"][here]
        first = here not in found
        found.setdefault(here, walk)
        edges.append(walk)
        if not first:
            continue
        if node["kind"] == "menu":
            for key in sorted(node["keys"]):
                todo.append(Walk(walk.keys + key, walk.results, walk.known))
        elif node["kind"] == "ask":
            todo.append(Walk(walk.keys + entered(data, here), walk.results, walk.known))
        elif node["kind"] == "enquiry":
            for result in ENQUIRIES[node["what"]]:
                todo.append(Walk(walk.keys, (*walk.results, result), walk.known))
        elif node["kind"] == "callback":
            todo.append(Walk(walk.keys + "2", (*walk.results, "ok"), walk.known))
            todo.append(Walk(f"{walk.keys}3{PHONE_NUMBER}#", (*walk.results, "ok"), walk.known))
    # A walk that another one begins with needs no call of its own.
    return [
        w for w in edges
        if not any(o is not w and o.known == w.known and o.keys.startswith(w.keys)
                   and o.results[: len(w.results)] == w.results for o in edges)
    ]  # fmt: skip


def waiting(data: Mapping[str, Any]) -> dict[str, Walk]:
    """The shortest walk to every place where a caller may press."""
    found: dict[str, Walk] = {}
    for walk in sorted(all_walks(data), key=lambda w: len(w.keys)):
        _nodes, here = way(data, walk)
        if data["nodes"][here]["kind"] in ("menu", "ask", "callback"):
            found.setdefault(here, walk)
    return found


def all_walks(data: Mapping[str, Any]) -> list[Walk]:
    """The walks and their beginnings."""
    parts = []
    for walk in walks(data):
        for n in range(len(walk.keys) + 1):
            for m in range(len(walk.results) + 1):
                part = Walk(walk.keys[:n], walk.results[:m], walk.known)
                try:
                    way(data, part)
                except (KeyError, IndexError):
                    continue
                parts.append(part)
    return parts


# --- on the telephone ------------------------------------------------------------------------


class Town:
    """Callers with numbers of their own, each with the results that its enquiries shall have."""

    def __init__(self, desk: Desk, tree: Tree) -> None:
        self.desk, self.tree = desk, tree
        self.walks: dict[str, Walk] = {}
        self.numbers: dict[str, str] = {}
        self.results: dict[str, deque[str]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def decide(self, call: IncomingCall) -> Decision:
        number = call.caller.number
        self.numbers[call.call_id] = number
        walk = self.walks[number]
        self.results[call.call_id] = deque(walk.results)
        says = [Say("known-nearby")] if walk.known else []
        return Decision(announce=says, tree=self.tree, number_known=True)

    async def look(
        self, call_id: str, what: str, given: Mapping[str, str], language: Language
    ) -> Spoken:
        self.asked.append((self.numbers[call_id], what, dict(given)))
        queue = self.results[call_id]
        return Spoken((Say("lookup-down", language),), queue.popleft() if queue else "down")

    async def ring(self, number: str, walk: Walk, more: str = "") -> None:
        self.walks[number] = walk
        keys = walk.keys + more
        await self.desk.caller().call(
            number, keys=keys, keys_after_s=1.5, keys_every_s=0.45,
            seconds=4.5 + 0.45 * len(keys), audio=False,
        )  # fmt: skip


def by_number(town: Town, ended: list[LeftFlow]) -> dict[str, LeftFlow]:
    return {town.numbers[left.call_id]: left for left in ended}


async def at_most(count: int, *works: Any) -> None:
    """Run them, so many at a time."""
    door = asyncio.Semaphore(count)

    async def through(work: Any) -> None:
        async with door:
            await work

    await asyncio.gather(*(through(work) for work in works))


def test_the_oracle_knows_the_tree() -> None:
    data = TEMPLATES["full"]
    assert way(data, Walk("2")) == (["hello", "known", "main", "bill-account"], "bill-account")
    assert way(data, Walk("22345#6789#", ("ok",)))[1] == "else"
    reached = {node for walk in walks(data) for node in way(data, walk)[0]}
    assert reached == set(data["nodes"])
    assert set(waiting(data)) == {
        n for n, node in data["nodes"].items() if node["kind"] in ("menu", "ask", "callback")
    }


async def test_callers_walk_every_key_of_the_tree_and_danger_and_a_person_are_always_near(
    exchange: Desk,
) -> None:
    data = TEMPLATES["full"]
    town = Town(exchange, parse(data, version=9))
    routes = {f"04010{n:05d}": walk for n, walk in enumerate(walks(data))}
    danger = {f"04020{n:05d}": item for n, item in enumerate(sorted(waiting(data).items()))}
    calls = [town.ring(number, walk) for number, walk in routes.items()]
    for n, (number, (name, walk)) in enumerate(danger.items()):
        lone = "#" if data["nodes"][name]["kind"] == "ask" else ""
        calls.append(town.ring(number, walk, ("1" if n % 2 else "0") + lone))
        calls.append(town.ring(f"04030{n:05d}", walk, ("0" if n % 2 else "1") + lone))
    async with exchange.application(town.decide, look=town.look, budget_s=5.0) as ended:
        await at_most(18, *calls)

        async def all_left() -> bool:
            return len(ended) >= len(calls)

        await eventually(all_left, f"{len(calls)} conversations are over")
    left = by_number(town, ended)
    for number, walk in routes.items():
        nodes, here = way(data, walk)
        # A place is noted again for what was pressed in it.
        stepped = [node for node, _ in itertools.groupby(s.node for s in left[number].path)]
        assert stepped[: len(nodes)] == nodes, (walk, stepped)
        kind = data["nodes"][here]["kind"]
        if kind in ("transfer", "message"):
            assert left[number].to == ("queue" if kind == "transfer" else "message")
        assert left[number].version == 9
    for n, (number, (name, _walk)) in enumerate(danger.items()):
        for caller, key in ((number, "1" if n % 2 else "0"),
                            (f"04030{n:05d}", "0" if n % 2 else "1")):  # fmt: skip
            way_out = left[caller]
            assert way_out.to == "queue", (name, key, way_out)
            assert way_out.priority == (10 if key == "1" else 0), (name, key)
            assert way_out.path[-1].node == ("@emergency" if key == "1" else "@person")
            assert name in [step.node for step in way_out.path]
    # What was entered arrived whole, and is nowhere in what is kept of a call.
    bills = [given for _number, what, given in town.asked if what == "bill"]
    assert bills and all(b == {"account": "2345", "factor": "6789"} for b in bills)
    assert "2345" not in repr([(flow.path, flow.keys) for flow in ended])


async def test_silence_and_wrong_keys_end_with_a_person_and_hanging_up_is_told_apart(
    exchange: Desk,
) -> None:
    town = Town(exchange, parse(quick()))
    async with (
        exchange.application(town.decide, look=town.look, budget_s=5.0) as ended,
        listening(exchange) as (_ami, heard),
    ):
        await at_most(
            3, town.ring("0404000001", Walk(""), "776"), long_silence(town, "0404000002"),
            town.ring("0404000003", Walk("2"), ""),
        )  # fmt: skip
        await heard.one(Queued)
        await heard.one(CallEnded)

        async def all_left() -> bool:
            return len(ended) >= 3

        await eventually(all_left, "three conversations are over")
    left = by_number(town, ended)
    for number in ("0404000001", "0404000002"):
        assert (left[number].to, left[number].path[-1].node) == ("queue", "@person"), left[number]
    gone = left["0404000003"]
    assert gone.to == "gone" and gone.path[-1].node == "bill-account"


async def long_silence(town: Town, number: str) -> None:
    town.walks[number] = Walk("")
    await town.desk.caller().call(number, seconds=7.0, audio=False)


async def test_a_menu_may_take_longer_than_the_watchdog_and_the_watchdog_still_guards_it(
    impatient: Desk,
) -> None:
    """The watchdog here is four seconds; the caller stays in the menu for seven."""
    exchange = impatient
    slow = quick()
    slow["nodes"]["main"] |= {"wait_s": 2, "tries": 5}
    town = Town(exchange, parse(slow))
    town.walks["0405000001"] = Walk("")
    async with exchange.application(town.decide, look=town.look, renew_after_s=1.0) as ended:
        await exchange.caller().call("0405000001", seconds=7.0, audio=False)

        async def over() -> bool:
            return bool(ended)

        await eventually(over, "the conversation is over")
    assert ended[0].to == "gone" and len(ended[0].path) >= 4
    assert exchange.call_from("0405000001").fallback == ""
    # The program dies while a caller is in the menu for the second time round.
    town.walks["0405000002"] = Walk("")
    ringing = asyncio.create_task(exchange.caller().call("0405000002", seconds=9.0, audio=False))
    async with listening(exchange) as (_ami, heard):
        async with exchange.application(town.decide, look=town.look, renew_after_s=1.0):
            await asyncio.sleep(0)
            await eventually(lambda: seen(town, "0405000002"), "the caller is in the menu")
            await asyncio.sleep(0.4)
        queued = await heard.one(Queued)
        assert queued.queue == "faults"
    await ringing
    assert exchange.call_from("0405000002").fallback == "watchdog"


async def seen(town: Town, number: str) -> bool:
    return number in town.numbers.values()


async def test_another_recording_of_a_prompt_is_heard_at_once_and_a_missing_one_is_the_default(
    exchange: Desk,
) -> None:
    own = exchange.config.own_prompts_folder
    lost: list[str] = []
    speech = Speech(
        exchange.config.prompts, VOICE, own=own, missing=lambda name, language: lost.append(name)
    )
    tones = {"own": 2600, "built in": VOICE.hz[PROMPTS["recorded"]["en"]],
             "default": VOICE.hz[PROMPTS["choose-key"]["en"]]}  # fmt: skip
    data = {"start": "a", "nodes": {
        "a": {"kind": "say", "say": ["recorded"], "next": "b"},
        "b": {"kind": "menu", "say": ["recorded"], "keys": {"2": "c"}, "wait_s": 1, "tries": 5},
        "c": {"kind": "transfer"},
    }}  # fmt: skip
    town = Town(exchange, parse(data))
    heard: dict[str, set[int]] = {}
    async with exchange.application(town.decide, look=town.look, speech=speech) as ended:
        for n, what in enumerate(("built in", "own", "default")):
            number = f"040600000{n}"
            town.walks[number] = Walk("")
            file = own / "en" / "recorded.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            if what == "own":
                write_wav(file, tone_samples(tones["own"], int(RATE_HZ * 0.3)))
            else:
                file.unlink(missing_ok=True)
            built_in = exchange.config.prompts / "en" / "recorded.wav"
            kept = built_in.read_bytes()
            if what == "default":
                built_in.unlink()
            try:
                ringing = asyncio.create_task(
                    exchange.caller().call(number, seconds=5.0, audio=False)
                )
                await eventually(lambda number=number: seen(town, number), "the call is inside")
                call = next(c for c, of in town.numbers.items() if of == number)
                sound = exchange.config.recordings / f"heard-{n}.wav"
                async with exchange.ari() as ari:
                    channel = (await ari.channel(call))["name"]
                await asyncio.to_thread(
                    subprocess.run, exchange.config.console(f"mixmonitor start {channel} {sound}"),
                    capture_output=True, check=True,
                )  # fmt: skip
                await ringing

                async def over(count: int = n + 1) -> bool:
                    return len(ended) >= count

                await eventually(over, "the conversation is over")
            finally:
                built_in.write_bytes(kept)
            heard[what] = loud_tones(sound, list(tones.values()))
    assert heard == {what: {hz} for what, hz in tones.items()}
    assert set(lost) == {"recorded"}
