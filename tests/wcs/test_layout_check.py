"""What is found in a site file is explained and drawn where it is."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.wcs.fleet import TOKYO, tokyo
from tests.wcs.small import HEAD, plant_of, square
from wcs.commands import wcs
from wcs.layout.check import findings
from wcs.layout.clash import clashes
from wcs.layout.roadmap import Roadmap, of_grid
from wcs.plant import read_plant
from wcs.sitefile import PlantError, read_site_file

LIFT = '[[zones]]\nname = "lift"\nkind = "lift"\npoints = ["u0", "u1"]\n'


def two_floors(zones: str) -> str:
    """A square on each of two floors, joined at u0 and u1."""
    text = HEAD
    for floor in "01":
        for name, x, y in (("a", 0, 0), ("b", 4, 0), ("c", 4, 4), ("d", 0, 4), ("u", 8, 4)):
            text += (
                f'[[points]]\nname = "{name}{floor}"\nx_m = {x}.0\ny_m = {y}.0\nmap = "{floor}"\n'
            )
        for start, end in ("ab", "bc", "cd", "da"):
            text += f'[[paths]]\nfrom = "{start}{floor}"\nto = "{end}{floor}"\n'
        text += f'[[paths]]\nfrom = "c{floor}"\nto = "u{floor}"\ntwo_way = true\n'
    return text + '[[paths]]\nfrom = "u0"\nto = "u1"\ntwo_way = true\n' + zones


def test_floors_are_joined_by_lifts_and_by_nothing_else():
    plant = read_plant(two_floors(LIFT))
    (lift,) = [zone for zone in Roadmap.of(plant).zones if zone.kind == "LIFT"]
    assert lift.capacity == 1
    assert len(lift.nodes) == 2
    with pytest.raises(PlantError) as caught:
        read_plant(two_floors(""))
    (fault,) = caught.value.faults
    assert fault == "paths[11]: u0 and u1 are on two maps, and no lift joins them"


def test_zones_name_points_that_exist_once():
    more = '[[zones]]\nname = "x"\ncapacity = 0\npoints = ["u0", "q"]\n'
    with pytest.raises(PlantError) as caught:
        read_site_file(two_floors(LIFT + more))
    assert caught.value.faults == (
        "zones[2].points: u0 belongs to lift already",
        "zones[2].points: there is no point q",
        "zones[2]: needs points, and a capacity of at least 1",
    )


def test_a_dead_end_and_a_bridge_are_explained():
    found = findings(square(robots={"R1": "a"}))
    assert [finding.points for finding in found] == [("p",)]
    assert "one robot at a time" in found[0].text
    square_of = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (4.0, 4.0), "d": (0.0, 4.0)}
    points = {"m": (12.0, 0.0)}
    for side in (0, 1):
        points |= {f"{name}{side}": (x + 20.0 * side, y) for name, (x, y) in square_of.items()}
    ring = [f"{a}{side}>{b}{side}" for side in (0, 1) for a, b in ("ab", "bc", "cd", "da")]
    plant = plant_of(points, [*ring, "b0=m", "m=a1"], robots={"R1": "m"})
    assert [finding.points for finding in findings(plant)] == [("m",)]
    assert "one direction at a time" in findings(plant)[0].text


def test_points_that_clash_are_those_closer_than_two_robots_and_no_others():
    roadmap = of_grid(np.ones((3, 4), np.bool_))
    first, clash = clashes(roadmap, 0.6)
    for i in range(roadmap.nodes):
        apart = np.hypot(roadmap.x_m - roadmap.x_m[i], roadmap.y_m - roadmap.y_m[i])
        expected = [j for j in np.flatnonzero(apart < 1.2).tolist() if j != i]
        assert clash[first[i] : first[i + 1]].tolist() == expected
    assert len(clashes(roadmap, 0.5)[1]) == 0, "touching is not clashing"


def test_a_bad_site_is_drawn_with_its_faults_and_a_good_one_with_its_notes(tmp_path: Path):
    bad = tmp_path / "bad.toml"
    bad.write_text(
        two_floors(LIFT).replace('from = "c1"\nto = "u1"', 'from = "c1"\nto = "a1"'),
        encoding="utf-8",
    )
    picture = tmp_path / "out.svg"
    result = CliRunner().invoke(wcs, ["check", str(bad), "--svg", str(picture)])
    assert result.exit_code == 1
    text = picture.read_text(encoding="utf-8")
    tree = ET.fromstring(text)  # noqa: S314 - our own
    marks = tree.findall(".//{http://www.w3.org/2000/svg}circle[@class='mark']")
    assert len(marks) >= 2
    assert "cannot be reached" in text or "does not lead back" in text or "cross" in text
    result = CliRunner().invoke(wcs, ["check", str(TOKYO), "--svg", str(picture)])
    assert result.exit_code == 0
    shapes = ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314
    assert len([e for e in shapes.iter() if e.tag.endswith("title")]) >= len(tokyo().points)


def test_nothing_to_draw_says_so(tmp_path: Path):
    bad = tmp_path / "bad.toml"
    bad.write_text("[site\n", encoding="utf-8")
    result = CliRunner().invoke(wcs, ["check", str(bad), "--svg", str(tmp_path / "out.svg")])
    assert result.exit_code == 1
    assert "nothing to draw" in result.output
