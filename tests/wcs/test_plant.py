"""Site files: tokyo is what its program writes, and a bad file lists all of its faults."""

from math import isclose

import pytest

from simulators.sites import make_tokyo
from tests.wcs.fleet import TOKYO, tokyo
from wcs.plant import read_plant
from wcs.sitefile import PlantError

HEAD = '[site]\ncode = "T1"\n'


def points(*names: str, kind: str = "lane") -> str:
    """Points in a row, 2 m apart."""
    return "".join(
        f'[[points]]\nname = "{name}"\nx_m = {2.0 * n}\ny_m = 0.0\nkind = "{kind}"\n'
        for n, name in enumerate(names)
    )


def path(start: str, end: str, more: str = "") -> str:
    return f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n{more}\n'


TRIANGLE = (
    HEAD
    + points("a", "b")
    + '[[points]]\nname = "c"\nx_m = 1.0\ny_m = 2.0\n'
    + path("a", "b")
    + path("b", "c")
    + path("c", "a")
)


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(PlantError) as caught:
        read_plant(text)
    return caught.value.faults


def test_tokyo_is_what_its_program_writes():
    assert TOKYO.read_text(encoding="utf-8") == make_tokyo.text()


def test_tokyo_has_what_the_demo_needs():
    plant = tokyo()
    assert len(plant.robots) == 30
    assert len(plant.points_of_kind("park", "charge")) > 30
    assert len(plant.points_of_kind("storage")) == 12 * 12
    assert plant.point_of("A03-07-2") == "A03-07"
    assert plant.point_of("ST-1") == "ST-1"
    for place in ("A03-07-7", "A03-07-0", "A03-07-02", "A03-07-", "A03-07-\uff12", "F1-01-1", ""):
        assert plant.point_of(place) is None, place
    short = [arc for arc in plant.arcs if arc.length_m < 2.0]
    assert not short


def test_a_path_may_be_one_way_two_way_or_backwards_in_need():
    text = TRIANGLE + path("c", "b", "speed_mps = 0.5") + path("b", "a")
    plant = read_plant(text.replace('from = "c"\nto = "a"', 'from = "c"\nto = "a"\ntwo_way = true'))
    arcs = {(arc.start, arc.end): arc for arc in plant.arcs}
    assert set(arcs) == {("a", "b"), ("b", "c"), ("c", "a"), ("c", "b"), ("a", "c"), ("b", "a")}
    assert arcs["c", "b"].speed_mps == 0.5
    assert isclose(arcs["a", "b"].length_m, 2.0)
    backwards = read_plant(TRIANGLE.replace('to = "b"', 'to = "b"\ncontraflow = true', 1))
    assert [(a.start, a.end) for a in backwards.arcs if a.contraflow] == [("b", "a")]


def test_all_faults_of_shape_are_listed_at_once():
    text = '[site]\nname_en = 3\n[[points]]\nname = "a"\nx_m = "left"\ny_m = nan\nkind = "sofa"\n'
    found = faults(text + 'colour = "red"\n')
    assert [fault.split(":")[0] for fault in found] == [
        "site.code",
        "site.name_en",
        "points[1].x_m",
        "points[1].y_m",
        "points[1].kind",
        "points[1].colour",
        "paths",
    ]


def test_all_faults_of_reference_are_listed_at_once():
    text = (
        HEAD
        + points("a", "b", "a", "")
        + path("a", "nowhere")
        + path("a", "a")
        + '[[paths]]\nfrom = "b"\nwidth_m = 2.0\nspeed_mps = 0\ntwo_way = "yes"\n'
        + '[[points]]\nname = "z"\nx_m = 0.0\ny_m = 9.0\nlevels = 2\n'
        + '[[stations]]\nname = "ST-1"\npoint = "x"\ncapacity = 0\n'
        + '[[robots]]\nname = "R1"\nmanufacturer = "m"\nserial = "1"\nstart = "a"\n'
        + '[[robots]]\nname = "R1"\nmanufacturer = "m"\nserial = "1"\nstart = "a"\nspeed_mps = 0\n'
        + '[[robots]]\nname = "R3"\nmanufacturer = "m"\nserial = "3"\nstart = "q"\n'
        + '[[conveyors]]\ndevice = "cv1"\npoint = "IN"\nto = "sorter9"\n'
        + '[[sorters]]\ndevice = "s1"\nlanes = ["L1", "L1"]\nhospital = "H"\nlaps_max = -1\n'
        + '[[gates]]\nname = "G"\ndevice = "r1"\ninside = [1]\noutside = [1]\n'
    )
    found = "\n".join(faults(text))
    for part in (
        "points[3]: the name a is used twice",
        "points[4]: has no name",
        "robots[2]: the name R1 is used twice",
        "robots[2]: manufacturer m and serial 1 are used twice",
        "paths[1].to: there is no point nowhere",
        "paths[2]: leads from a point to itself",
        "paths[3].width_m: is not known here",
        "paths[3]: has no 'to'",
        "paths[3].speed_mps: must be above 0",
        "paths[3].two_way: 'yes' should be of type bool",
        "points[5].levels: only storage points",
        "stations[1].point: there is no point x",
        "stations[1].capacity: must be at least 1",
        "robots[2].start: R1 stands on a already",
        "robots[2].speed_mps: must be above 0",
        "robots[3].start: there is no point q",
        "conveyors[1].to: there is no sorter sorter9",
        "conveyors[1].device: there is no device cv1",
        "sorters[1].device: there is no device s1",
        "sorters[1].lanes: a lane is named twice",
        "sorters[1]: laps_max",
        "gates[1].device: there is no device r1",
        "gates[1]: needs antennas inside and outside",
    ):
        assert part in found


def test_what_is_not_toml_says_where():
    (fault,) = faults("[site\n")
    assert "line 1" in fault


def test_a_point_out_of_reach_or_without_a_way_back_is_a_fault():
    assert faults(TRIANGLE + '[[points]]\nname = "d"\nx_m = 9.0\ny_m = 9.0\n' + path("c", "d")) == (
        "point d does not lead back to a",
    )
    assert faults(
        TRIANGLE + '[[points]]\nname = "d"\nx_m = -9.0\ny_m = -9.0\n' + path("d", "a")
    ) == ("point d cannot be reached from a",)
    assert faults(HEAD + "points = []\npaths = []\n") != ()


def test_points_too_close_and_paths_that_cross_are_faults():
    assert "points a and d lie closer than 1.0 m" in faults(
        TRIANGLE
        + '[[points]]\nname = "d"\nx_m = 0.5\ny_m = 0.0\n'
        + path("a", "d")
        + path("d", "a")
    )
    square = HEAD + "".join(
        f'[[points]]\nname = "{name}"\nx_m = {x}\ny_m = {y}\n'
        for name, x, y in (("a", 0.0, 0.0), ("b", 4.0, 0.0), ("c", 4.0, 4.0), ("d", 0.0, 4.0))
    )
    crossed = square + path("a", "c") + path("c", "b") + path("b", "d") + path("d", "a")
    assert faults(crossed) == ("paths a > c and b > d cross",)


def test_a_fleet_without_room_to_make_way_is_a_fault():
    robots = "".join(
        f'[[robots]]\nname = "R{n}"\nmanufacturer = "m"\nserial = "{n}"\nstart = "{at}"\n'
        for n, at in enumerate("abc")
    )
    found = faults(TRIANGLE + robots)
    assert "path a > b: only 2 points lie ahead of it, too few for 3 robots to make way" in found
