"""Streets as a register keeps them: one line for each piece, with its two ends."""

from __future__ import annotations

import gzip

import pytest
from shapely import Point

from gis_data.crs import CoordinateError, project_array
from gis_data.places import PlaceFileError
from gis_data.street_table import end_houses, read_street_table
from tests import town
from tests.data import shared

#    A --- Mill Street 1..19 --- B      left of the way odd, right of it even


def table(tmp_path, *rows: str, head: str = "", name: str = "streets.csv", encoding="utf-8"):
    head = head or ("Street,StartX,StartY,EndX,EndY,Carto_Class,Flow_Direction,"
                    "From_Left_Address,To_Left_Address,From_Right_Address,To_Right_Address")
    raw = "\n".join([head, *rows, ""]).encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def ends(a: str, b: str) -> str:
    (x1, y1), (x2, y2) = project_array([town.place(a), town.place(b)], 3879)
    return f"{x1:.3f},{y1:.3f},{x2:.3f},{y2:.3f}"


def test_a_piece_has_name_class_direction_and_the_numbers_of_its_sides(tmp_path):
    path = table(tmp_path, f"Mill Street,{ends('A', 'B')},Arterial,FromTo,1,19,2,20")
    found = read_street_table(path, 3879)
    (row,) = found.rows
    assert (row.name, row.klass, row.oneway) == ("Mill Street", "secondary", 1)
    a, b = town.place("A"), town.place("B")
    assert Point(row.line.coords[0]).distance(Point(a)) < 1e-7
    (numbered,) = found.extract.places.ranges
    assert (numbered.left, numbered.right) == ((1, 19), (2, 20))
    numbers = {h.number: h for h in end_houses(found.extract.places.ranges, 3879)}
    assert set(numbers) == {"1", "19", "2", "20"}
    assert a[0] < numbers["1"].lon < numbers["19"].lon < b[0]
    # Going east the left side is the north.
    assert numbers["1"].lat > a[1] > numbers["2"].lat


def test_chinese_words_and_a_gbk_file_are_understood(tmp_path):
    path = table(
        tmp_path, f"磨坊街,{ends('A', 'B')},主干路,单向",
        head="道路名称,起点X,起点Y,终点X,终点Y,道路等级,单行",
        name="道路.csv.gz", encoding="gb18030",
    )  # fmt: skip
    (row,) = read_street_table(path, 3879).rows
    assert (row.name, row.klass, row.oneway) == ("磨坊街", "primary", 1)


def test_lines_without_ends_are_left_out_by_number_and_nonsense_is_refused(tmp_path):
    path = table(tmp_path, f"Mill Street,{ends('A', 'B')}", "Nowhere,,,,", "Point,1,2,1,2")
    assert [n for n, _why in read_street_table(path, 3879).left_out] == [3, 4]
    for rows, head, wrong in (
        (("x,1,2,3,4",), "a,b,c,d,e", "columns"), ((), "", "no line"),
        (("Mill Street,,,,",), "", "no line"),
    ):  # fmt: skip
        with pytest.raises(PlaceFileError, match=wrong):
            read_street_table(table(tmp_path, *rows, head=head), 3879)
    with pytest.raises(CoordinateError):
        read_street_table(table(tmp_path, "Mill Street,1,2,3,4"), 26917)
    binary = tmp_path / "junk.csv"
    binary.write_bytes(b"\xff\xfe\x00\x81" * 50)
    with pytest.raises(PlaceFileError):
        read_street_table(binary, 3879)


def test_kitcheners_register_of_streets_comes_in():
    found = read_street_table(shared("kitchener/roads.csv.gz"), 26917)
    assert len(found.rows) > 5400
    assert len({r.name for r in found.rows}) > 1000
    assert len(found.extract.places.ranges) > 4_300
    assert len(end_houses(found.extract.places.ranges, 26917)) > 14_000
    reasons = {why for _line, why in found.left_out}
    assert reasons == {"no coordinates", "begins where it ends"}
