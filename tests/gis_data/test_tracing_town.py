"""Traces in towns small enough to see the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gis_data.isolation import SegmentIndex
from gis_data.model import NetworkError, Service, UnknownElement
from gis_data.tracing import dry_after, trace
from tests.gis_data.town import town

#     the water comes from R, round the ring A-B-D-C, and out to E and F
RING = """
R-o---A-o---o-B
      o       o
      |       |
      o       o
      C-o---o-D-o---E---F
"""


def ring() -> SegmentIndex:
    return SegmentIndex(town(RING))


def test_upstream_of_a_branch_is_the_ring_and_the_way_to_the_works() -> None:
    found = trace(ring(), "DE", "upstream")
    assert set(found.pipes) == {"RA", "AB", "AC", "BD", "CD", "DE"}
    assert found.nodes == ("R", "A", "B", "C", "D")
    assert found.sources == ("R",)
    assert found.length_m == 600.0
    assert found.reached


def test_a_dead_end_lies_on_nobodys_way() -> None:
    found = trace(ring(), "B", "upstream")
    assert not {"DE", "EF", "E", "F"} & {*found.pipes, *found.nodes}


def test_downstream_is_what_has_no_other_way() -> None:
    assert set(trace(ring(), "D", "downstream").pipes) == {"DE", "EF"}
    assert set(trace(ring(), "DE", "downstream").nodes) == {"E", "F"}
    # Round a ring the water comes from the other side as well.
    assert trace(ring(), "AB", "downstream").pipes == ("AB",)
    assert trace(ring(), "AB", "downstream", closed=["BD@B"]).nodes == ("B",)


def test_everything_joined_ends_at_shut_valves() -> None:
    whole = trace(ring(), "F", "connected")
    assert len(whole.pipes) == 7
    part = trace(ring(), "F", "connected", closed=["DE@D"])
    assert set(part.pipes) == {"DE", "EF"}
    assert part.sources == ()
    assert not part.reached


def test_the_way_from_the_source_is_the_shortest_and_in_order() -> None:
    found = trace(ring(), "EF", "source_path")
    assert found.pipes in (("RA", "AB", "BD", "DE", "EF"), ("RA", "AC", "CD", "DE", "EF"))
    assert found.nodes[0] == "R"
    assert found.length_m == 500.0
    around = trace(ring(), "D", "source_path", closed=["AB@A"])
    assert around.pipes == ("RA", "AC", "CD")
    assert around.nodes == ("R", "A", "C", "D")


def test_the_nearest_of_two_sources_is_the_one_named() -> None:
    index = SegmentIndex(town("R-o-A-o-B-o-C-o-T"))
    assert trace(index, "C", "source_path").sources == ("T",)
    assert set(trace(index, "B", "upstream").sources) == {"R", "T"}


def test_a_check_valve_gives_the_trace_a_direction() -> None:
    index = SegmentIndex(town("R-o-A->-B-o-T"))
    assert set(trace(index, "A", "upstream").sources) == {"R"}
    assert set(trace(index, "B", "upstream").sources) == {"R", "T"}
    assert set(trace(index, "A", "connected").sources) == {"R", "T"}


def test_what_no_source_reaches_has_no_way_and_says_so() -> None:
    index = SegmentIndex(town("R-o-A-x-B-o-C"))
    assert not trace(index, "C", "source_path").reached
    assert trace(index, "C", "source_path").pipes == ()
    assert trace(index, "C", "upstream").nodes == ("C",)
    assert trace(index, "C", "downstream").nodes == ()
    assert trace(index, "C", "source_path", opened=["AB@A"]).pipes == ("RA", "AB", "BC")


def test_a_valve_and_a_service_line_stand_for_their_pipe() -> None:
    assert trace(ring(), "DE@D", "downstream").pipes == ("DE", "EF")
    assert trace(ring(), "SDE", "downstream").pipes == ("DE", "EF")


def test_a_strange_id_or_kind_is_a_clear_error() -> None:
    with pytest.raises(UnknownElement):
        trace(ring(), "nobody", "upstream")
    with pytest.raises(UnknownElement):
        trace(ring(), "A", "upstream", closed=["nobody"])
    with pytest.raises(NetworkError, match="kind"):
        trace(ring(), "A", "sideways")  # type: ignore[arg-type]


def test_dry_after_names_everything_beyond_the_shut_valves() -> None:
    found = dry_after(ring(), closed=["DE@D"])
    assert found.pipes == ("DE", "EF")
    assert found.nodes == ("E", "F")
    assert found.premises == ("house DE", "house EF")
    assert dry_after(ring(), closed=["AB@A"]).premises == ()


def test_opening_one_valve_again_brings_part_of_the_water_back() -> None:
    index = SegmentIndex(town("R-o-A-o-B-o-C-o-D"))
    whole = dry_after(index, closed=["BC@B", "CD@C"])
    assert set(whole.premises) == {"house BC", "house CD"}
    less = dry_after(index, closed=["CD@C"])
    assert set(less.premises) == {"house CD"}
    assert set(less.nodes) == {"D"}


def test_a_drained_segment_lets_nothing_through() -> None:
    index = SegmentIndex(town("R-o---A-o---o-B-o---C"))
    burst = index.segment_of("AB")
    found = dry_after(index, closed=[], blocked_segments=[burst])
    assert set(found.pipes) == {"AB", "BC"}
    with pytest.raises(NetworkError, match="blocked_segments"):
        dry_after(index, closed=[], blocked_segments=[999])


def test_what_was_dry_anyway_is_not_counted() -> None:
    index = SegmentIndex(town("R-o-A-o-B-x---C"))
    assert dry_after(index, closed=["AB@A"]).nodes == ("B",)


def test_a_second_line_keeps_a_house_in_water() -> None:
    network = town(RING)
    second = Service("S2", "AB", 0.5, network.pipes["AB"].geometry, "house DE", 32.0)
    network = replace(network, services={**network.services, "S2": second})
    assert dry_after(SegmentIndex(network), closed=["DE@D"]).premises == ("house EF",)


def test_a_shut_pipe_is_dry_itself() -> None:
    assert dry_after(ring(), closed=["DE"]).pipes == ("DE", "EF")
