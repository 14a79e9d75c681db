from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobile_app.ui import fonts
from mobile_app.ui.geometry import Plane, bounds, ribbons
from tests.mobile_app.office import Office
from tests.mqtt import samples

pytest.importorskip("kivy")
ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    quiet = {**os.environ, "KIVY_NO_CONSOLELOG": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout,
        env=quiet, check=False,
    )


def test_a_crew_works_through_its_order_with_its_thumbs(office: Office, tmp_path: Path) -> None:
    office.send(samples.order("W-1"))
    done = run("-m", "tests.mobile_app.ui_story", office.url, str(tmp_path / "phone"),
               str(tmp_path))
    steps = {row["step"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert "end" in steps, done.stdout + done.stderr[-2000:]
    assert steps["wrong"]["problem"] == "User or password is wrong."
    assert steps["order"]["big"] == "Accept"
    assert steps["order"]["small"] == [], "every button is 56 dp or more"
    assert steps["closing"]["big"] == "V2 is closed"
    assert steps["map"]["zoomed"] == pytest.approx(2)
    assert steps["map"]["moved"]
    assert "离线" in steps["offline"]["bar"]
    reported = sorted(office.reports.values(), key=lambda r: r.seq)
    assert [r.action for r in reported] == [
        "accept", "depart", "arrive", "close_valve", "cannot_close_valve", "note",
    ]
    assert (reported[4].valve, reported[4].reason) == ("V-3", "seized")
    assert reported[5].note == "[b]阀门[/b] 12 & co"
    assert (tmp_path / "dark.png").stat().st_size > 5000


def test_a_picture_can_be_taken_without_any_window(office: Office, tmp_path: Path) -> None:
    office.send(samples.order("W-1"))
    drive = tmp_path / "drive.csv"
    drive.write_text("seconds,lon,lat\n0,24.94,60.169\n")
    picture = tmp_path / "app.png"
    done = run(
        "-m", "mobile_app", "--server", office.url, "--user", "crew1", "--password", "right",
        "--language", "zh", "--theme", "dark", "--state", str(tmp_path / "phone"),
        "--gps", f"replay:{drive}", "--size", "390x780", "--screenshot", str(picture),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    from PIL import Image

    with Image.open(picture) as image:
        assert image.size == (390, 780)
        assert len(set(image.convert("L").resize((39, 78)).getdata())) > 10


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--gps", "moon"], "--gps"),
        (["--gps", "replay:/nowhere.csv"], "nowhere.csv"),
        (["--size", "big"], "--size"),
        (["--language", "tlh"], "--language"),
    ],
)
def test_a_wrong_argument_is_named_without_a_traceback(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    done = run("-m", "mobile_app", "--state", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_the_logic_does_not_load_kivy() -> None:
    code = "import sys, mobile_app.headless, mobile_app.district; print('kivy' in sys.modules)"
    assert run("-c", code).stdout.strip() == "False"


def test_the_chinese_face_is_cut_out_of_a_collection(tmp_path: Path) -> None:
    collection = fonts.find("regular")
    if collection is None or collection.suffix != ".ttc":
        pytest.skip("no font collection with Chinese on this machine")
    cut = fonts.single_face(collection, tmp_path)
    from PIL import ImageFont

    assert ImageFont.truetype(str(cut), 20).getname()[0].endswith("SC")


def test_without_a_font_nothing_is_found_and_a_broken_one_is_left_alone(tmp_path: Path) -> None:
    assert fonts.find("regular", (str(tmp_path),)) is None
    broken = tmp_path / "NotoSansCJK-Regular.ttc"
    broken.write_bytes(b"ttcf")
    assert fonts.single_face(broken, tmp_path / "cache") == broken


def test_a_line_becomes_quads_of_its_width() -> None:
    # (0,0) --- 10 m ---> (10,0), 2 m wide, each end 0.6 m longer
    ((vertices, indices),) = ribbons([([(0.0, 0.0), (10.0, 0.0)], 2.0)])
    xs, ys = vertices[0::4], vertices[1::4]
    assert (min(xs), max(xs), min(ys), max(ys)) == (-0.6, 10.6, -1.0, 1.0)
    assert indices == [0, 1, 2, 0, 2, 3]


def test_a_city_of_pipes_is_split_into_meshes_that_fit() -> None:
    line = [(float(n), 0.0) for n in range(20_001)]
    chunks = ribbons([(line, 1.0)])
    assert [len(vertices) // 16 for vertices, _ in chunks] == [8000, 8000, 4000]
    assert all(max(indices) < 65_536 for _, indices in chunks)
    assert list(ribbons([([(1.0, 1.0), (1.0, 1.0)], 1.0)])) == []


def test_metres_on_the_plane_are_metres_on_the_ground() -> None:
    plane = Plane(24.94, 60.17)
    x, y = plane.metres(24.94, 60.18)
    assert (x, y) == pytest.approx((0, 1105.7), abs=5)
    assert bounds([]) is None
