"""Streets of a register become the same model as those of a map."""

from __future__ import annotations

import networkx as nx
import pytest

from routing.errors import StreetFileError
from routing.index import StreetIndex
from routing.streets import Line, streets_from_lines

#    a ==30== b ==30== c      d is joined to nothing, b--c is one way
#             |
#             e
A, B, C, D, E = (24.930, 60.170), (24.934, 60.170), (24.938, 60.170), (25.0, 60.2), (24.934, 60.168)


def town() -> nx.MultiDiGraph:
    return streets_from_lines(
        [
            Line(A, B, "Mill Street", "residential", 36.0),
            # Half a metre beside the same crossing: one place.
            Line((B[0] + 0.000004, B[1]), C, "Mill Street", "residential", 36.0),
            Line(B, E, "Middle Lane", "residential", None, 1),
            Line(E, C, "Short Cut", "residential", None, 1),
            Line(D, (25.001, 60.2), "Far Away", "residential"),
        ],
        "register.csv",
    )


def test_ends_that_meet_are_one_crossing_and_what_is_cut_off_is_told():
    graph = town()
    assert graph.graph["report"]["islands"] == 1
    assert graph.graph["report"]["file"] == "register.csv"
    names = {d.get("name") for _u, _v, d in graph.edges(data=True)}
    assert names == {"Mill Street", "Middle Lane", "Short Cut"}


def test_one_way_is_kept_and_the_compiled_index_drives_it():
    graph = town()
    index = StreetIndex.compile(graph)
    there, back = index.route(E, B), index.route(B, E)
    assert back.metres < there.metres, "E is reached by Middle Lane, left by the Short Cut"


def test_nothing_to_drive_on_is_refused():
    with pytest.raises(StreetFileError):
        streets_from_lines([], "empty.csv")
