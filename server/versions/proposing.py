"""Built values as a proposal for the tables: which kinds are spoken of, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from shapely.geometry import Point

from gis_data.drainage import Drainage
from gis_data.model import Network
from server.cityload import rows
from server.versions.diffing import Proposal
from server.versions.kinds import KINDS, PREMISE_FIELDS


def everything(kinds: Iterable[str]) -> dict[str, frozenset[str]]:
    """All fields of these kinds, live facts apart: for files that say all there is to say."""
    return {k: frozenset(KINDS[k].fields) for k in kinds}


def propose(
    network: Network,
    *,
    given: Mapping[str, frozenset[str]],
    drainage: Drainage | None = None,
    premises: Collection[Any] = (),
    kept: Collection[str] = (),
    complete_nodes: bool = True,
    only_adds: frozenset[str] = frozenset(),
    tell: Callable[[str, int], None] = lambda _step, _percent: None,
) -> Proposal:
    """What `network`, `drainage` and `premises` (importing.PremiseRow) say of the kinds in `given`.

    The other arguments as `Proposal`.
    """
    said: dict[str, tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]] = {}
    for name, part in rows.NETWORK.items():
        if name in given:
            said[name] = (part.fields, part.of(network))
    for name, part in rows.DRAINAGE.items():
        if name in given and drainage is not None:
            said[name] = (part.fields, part.of(drainage))
    if "premise" in given:
        said["premise"] = (("code", *PREMISE_FIELDS, "geom"), map(_premise, premises))
    return Proposal(
        said, {k: given[k] for k in said}, kept, complete_nodes, only_adds & said.keys(), tell
    )


def _premise(p: Any) -> tuple[Any, ...]:
    return (
        p.id, p.address or p.id, p.street, p.number, p.use or "home", p.name, p.persons or 1,
        p.floors or 1, 0.0, Point(p.lon, p.lat),
    )  # fmt: skip
