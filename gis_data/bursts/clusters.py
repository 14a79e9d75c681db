"""Calls that belong together: ST-DBSCAN on the pipe network, all at once or call by call.

Two calls are neighbours when they are at most `eps_m` apart along the mains, at most `tau_s` apart
in time, and of kinds that one burst can cause. A call is a core when it and its neighbours come
from at least `min_calls` premises: a premise counts once however often it calls (a call without a
premise counts for itself). Cores that are neighbours are one cluster, named after its earliest
core. A call that is no core belongs to the cluster of the earliest core beside it: this settles
border ties, and settles them the same way in whatever order calls are told of. "Earliest" is by
time, then by id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gis_data.bursts.reach import PipeGraph, Spot

#: Kinds one burst can cause at one time. What is not listed goes with nothing.
COMPATIBLE: Mapping[str, frozenset[str]] = {
    "burst": frozenset({"burst", "leak", "no_water", "low_pressure", "discoloured"}),
    "leak": frozenset({"burst", "leak", "no_water", "low_pressure"}),
    "no_water": frozenset({"burst", "leak", "no_water", "low_pressure"}),
    "low_pressure": frozenset({"burst", "leak", "no_water", "low_pressure"}),
    "discoloured": frozenset({"burst", "discoloured"}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """When calls are neighbours, and from how many premises a core needs them."""

    eps_m: float = 300.0
    tau_s: float = 3600.0
    min_calls: int = 3


@dataclass(frozen=True, slots=True)
class Call:
    """A report of trouble put on the network. `at_s`: seconds since any fixed moment."""

    id: int
    at_s: float
    spot: Spot
    kind: str
    premise: str = ""

    @property
    def order(self) -> tuple[float, int]:
        return self.at_s, self.id


def compatible(one: str, other: str) -> bool:
    """Whether one burst can cause both kinds of call."""
    return other in COMPATIBLE.get(one, ())


class Store(Protocol):
    """Where `Online` keeps what it knows; ids are those of calls."""

    def near(self, call: int) -> Collection[int]:
        """The neighbours of a call, itself not among them."""

    def call(self, call: int) -> Call: ...

    def core(self, call: int) -> bool: ...

    def set_core(self, call: int, core: bool) -> None: ...

    def label(self, call: int) -> int | None: ...

    def set_label(self, call: int, label: int | None) -> None: ...

    def members(self, label: int) -> Collection[int]:
        """The calls that carry a label."""


def dense(store: Store, call: int, near: Collection[int], rule: Rule) -> bool:
    """Whether the call and its neighbours come from enough premises."""
    if len(near) + 1 < rule.min_calls:
        return False
    seen = set()
    for other in (call, *near):
        premise = store.call(other).premise
        seen.add(premise or other)
        if len(seen) >= rule.min_calls:
            return True
    return False


class Online:
    """Clusters kept up to date call by call: after every step they are those of `batch`.

    A new call looks at its own neighbours, and at those of the neighbours that are no cores yet;
    the rest of the city is not touched. The store holds the call before `added` is said, and holds
    it until `leaving` has been said.
    """

    def __init__(self, store: Store, rule: Rule) -> None:
        self.store = store
        self.rule = rule

    def added(self, call: int) -> int | None:
        """A call came in; returns the cluster it is in now, or None."""
        store = self.store
        near = {call: store.near(call)}
        fresh = []
        for other in (call, *near[call]):
            if store.core(other):
                continue
            if other not in near:
                near[other] = store.near(other)
            if dense(store, other, near[other], self.rule):
                fresh.append(other)
        for other in fresh:
            store.set_core(other, True)
        for other in sorted(fresh, key=self._order):
            self._join(other, near[other])
        border = {n for other in fresh for n in near[other] if not store.core(n)}
        if not store.core(call):
            border.add(call)
        for other in border:
            self._settle(other)
        return store.label(call)

    def leaving(self, call: int) -> None:
        """A call is withdrawn, or about to be moved: the store drops it after this."""
        store = self.store
        near = [n for n in store.near(call) if n != call]
        lost = [call] if store.core(call) else []
        store.set_core(call, False)
        for other in near:
            if store.core(other):
                left = [n for n in store.near(other) if n != call]
                if not dense(store, other, left, self.rule):
                    store.set_core(other, False)
                    lost.append(other)
        # First away with it, so that no border leans on it.
        labels = {store.label(c) for c in lost}
        store.set_label(call, None)
        doubtful: set[int] = {n for n in near if not store.core(n)}
        for label in labels - {None}:
            assert label is not None
            doubtful |= self._regroup(label, lost, call)
        for other in lost:
            doubtful |= {n for n in store.near(other) if not store.core(n)}
        for other in doubtful - {call}:
            self._settle(other)

    def _regroup(self, label: int, lost: list[int], gone: int) -> set[int]:
        """A cluster lost cores: it may have another name now, be several, or none."""
        store = self.store
        members = [m for m in store.members(label) if m != gone]
        beside = {n for c in lost for n in store.near(c) if n != gone}
        ends = {n for n in beside if store.core(n) and store.label(n) == label}
        whole = self._connected(ends)
        if whole and label not in lost:
            return {m for m in members if not store.core(m)}
        parts = [{m for m in members if store.core(m)}] if whole else self._parts(ends)
        for part in parts:
            name = min(part, key=self._order) if part else None
            for member in part:
                store.set_label(member, name)
        return {m for m in members if not store.core(m)}

    def _connected(self, ends: set[int]) -> bool:
        """Whether cores can still be walked to from one another; stops as soon as they all are."""
        if len(ends) < 2:
            return bool(ends)
        left, seen = set(ends), set()
        queue = [min(ends, key=self._order)]
        while queue and left:
            core = queue.pop(0)
            if core in seen:
                continue
            seen.add(core)
            left.discard(core)
            cores = [n for n in self.store.near(core) if self.store.core(n)]
            left.difference_update(cores)
            queue.extend(n for n in cores if n not in seen)
        return not left

    def _parts(self, ends: set[int]) -> list[set[int]]:
        parts, seen = [], set[int]()
        for end in sorted(ends, key=self._order):
            if end in seen:
                continue
            part, queue = {end}, [end]
            while queue:
                for other in self.store.near(queue.pop()):
                    if self.store.core(other) and other not in part:
                        part.add(other)
                        queue.append(other)
            seen |= part
            parts.append(part)
        return parts

    def _join(self, core: int, near: Collection[int]) -> None:
        """A call has become a core: it ties the clusters of its core neighbours together."""
        store = self.store
        labels = {store.label(n) for n in near if store.core(n)} - {None}
        names: set[int] = {n for n in labels if n is not None}
        name = min({core, *names}, key=self._order)
        for other in names - {name}:
            for member in list(store.members(other)):
                store.set_label(member, name)
        store.set_label(core, name)

    def _settle(self, call: int) -> None:
        """A call that is no core goes with the earliest core beside it."""
        cores = [n for n in self.store.near(call) if self.store.core(n)]
        first = min(cores, key=self._order, default=None)
        self.store.set_label(call, None if first is None else self.store.label(first))

    def _order(self, call: int) -> tuple[float, int]:
        return self.store.call(call).order


class Memory:
    """A store in memory, for a whole network at hand. `add`, `remove` and `move` keep it right."""

    def __init__(self, graph: PipeGraph, rule: Rule | None = None) -> None:
        self.graph = graph
        self.rule = rule or Rule()
        self._calls: dict[int, Call] = {}
        self._near: dict[int, set[int]] = {}
        self._cores: set[int] = set()
        self._labels: dict[int, int | None] = {}
        self._members: dict[int, set[int]] = {}
        self._online = Online(self, self.rule)

    # --- what is asked of it ----------------------------------------------------------------------

    def add(self, call: Call) -> int | None:
        """Take a call in; returns the name of its cluster, or None. ValueError for a known id."""
        if call.id in self._calls:
            raise ValueError(f"call {call.id} is here already")
        near = neighbours(call, self._calls.values(), self.graph, self.rule)
        self._calls[call.id] = call
        self._near[call.id] = near
        self._labels[call.id] = None
        for other in near:
            self._near[other].add(call.id)
        return self._online.added(call.id)

    def remove(self, call: int) -> None:
        """Take a call out again. KeyError for an unknown id."""
        if call not in self._calls:
            raise KeyError(call)
        self._online.leaving(call)
        for other in self._near.pop(call):
            self._near[other].discard(call)
        self.set_label(call, None)
        del self._labels[call], self._calls[call]

    def move(self, call: Call) -> int | None:
        """The call with this id is somewhere else, at another time, or of another kind."""
        self.remove(call.id)
        return self.add(call)

    def labels(self) -> dict[int, int | None]:
        """Call -> name of its cluster, None for those in none."""
        return dict(self._labels)

    # --- what Online asks of it -------------------------------------------------------------------

    def near(self, call: int) -> Collection[int]:
        return self._near[call]

    def call(self, call: int) -> Call:
        return self._calls[call]

    def core(self, call: int) -> bool:
        return call in self._cores

    def set_core(self, call: int, core: bool) -> None:
        (self._cores.add if core else self._cores.discard)(call)

    def label(self, call: int) -> int | None:
        return self._labels[call]

    def set_label(self, call: int, label: int | None) -> None:
        before = self._labels[call]
        if before is not None:
            self._members[before].discard(call)
        self._labels[call] = label
        if label is not None:
            self._members.setdefault(label, set()).add(call)

    def members(self, label: int) -> Collection[int]:
        return self._members.get(label, set())


def neighbours(call: Call, others: Iterable[Call], graph: PipeGraph, rule: Rule) -> set[int]:
    """Ids of the calls that are neighbours of `call`."""
    near = [
        o
        for o in others
        if o.id != call.id
        and abs(o.at_s - call.at_s) <= rule.tau_s
        and compatible(call.kind, o.kind)
    ]
    if not near:
        return set()
    metres = graph.metres(call.spot, [o.spot for o in near], rule.eps_m)
    return {o.id for o, m in zip(near, metres, strict=True) if m <= rule.eps_m}


def batch(
    calls: Iterable[Call],
    graph: PipeGraph,
    rule: Rule | None = None,
    *,
    near_of: Callable[[Call], Collection[int]] | None = None,
) -> dict[int, int | None]:
    """Call -> name of its cluster (the id of its earliest core), None for those in none."""
    rule = rule or Rule()
    known = {c.id: c for c in calls}
    find = near_of or (lambda c: neighbours(c, known.values(), graph, rule))
    near = {i: set(find(c)) for i, c in known.items()}
    cores = {
        i
        for i, c in known.items()
        if len({known[n].premise or n for n in near[i]} | {c.premise or i}) >= rule.min_calls
    }
    labels: dict[int, int | None] = dict.fromkeys(known)
    for first in sorted(cores, key=lambda i: known[i].order):
        if labels[first] is not None:
            continue
        queue = [first]
        labels[first] = first
        while queue:
            for other in near[queue.pop()] & cores:
                if labels[other] is None:
                    labels[other] = first
                    queue.append(other)
    for i in known.keys() - cores:
        beside = min(near[i] & cores, key=lambda n: known[n].order, default=None)
        labels[i] = None if beside is None else labels[beside]
    return labels
