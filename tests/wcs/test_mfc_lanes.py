"""Lanes that the WCS gives to groups of parcels: waves, carriers, stores."""

from datetime import timedelta

from edge.decisions import RECIRCULATE
from tests.wcs.test_conveyor import PLANT, Line, lane_of
from wcs.conveyor import expect
from wcs.messages import ParcelExpected
from wcs.state import from_json, to_json

LANES = PLANT.sorters["sorter1"].lanes


def code(n: int) -> str:
    return f"{n:018}"


def announce(line: Line, n: int, group: str) -> str:
    """The lane that a parcel of the group is given."""
    line.hear(ParcelExpected(code=code(n), epc_hex="31AA", lane="", group=group))
    return line.state.sorting.expected[code(n)].lane


def scan(line: Line, n: int, lap: int = 0) -> str:
    return lane_of(line.scan(tracking=n, barcode=f"00{code(n)}", lap=lap))[0]


def test_each_group_gets_a_lane_of_its_own_until_there_are_no_more():
    line = Line()
    given = [announce(line, n, f"wave-{n % 4}") for n in range(8)]
    assert given == [*LANES[:4], *LANES[:4]]
    assert scan(line, 5) == LANES[1]
    more = [announce(line, 10 + n, f"carrier-{n}") for n in range(len(LANES))]
    assert more == [*LANES[4:], *[""] * 4]
    assert scan(line, 10 + len(LANES) - 1) == RECIRCULATE, "none is free"


def test_a_lane_changes_hands_when_its_group_is_done_the_longest_idle_first():
    line = Line()
    for n, _ in enumerate(LANES):
        announce(line, n, f"wave-{n}")
    assert announce(line, 90, "late") == ""
    for n in (2, 1):
        scan(line, n)
        line.sorted("DIVERTED", LANES[n], tracking=n)
    assert scan(line, 90, lap=1) == LANES[2]
    assert announce(line, 91, "later") == LANES[1]
    assert announce(line, 92, "latest") == ""
    assert announce(line, 93, "wave-2") == "", "its lane is another's now"


def test_a_group_whose_lane_is_full_gets_another_one():
    line = Line()
    announce(line, 1, "wave")
    announce(line, 2, "wave")
    assert scan(line, 1) == LANES[0]
    line.sorted("LANE_FULL", LANES[0], tracking=1)
    assert line.state.sorting.expected[code(1)].lane == LANES[1], "for the edge's table, too"
    assert scan(line, 1, lap=1) == LANES[1]
    numbers = [row.number for row in line.state.sorting.expected.values()]
    assert numbers == sorted(numbers)


def test_what_the_wms_has_given_a_lane_keeps_it_and_what_is_said_again_counts_once():
    line = Line()
    announce(line, 1, "wave")
    line.expect("L5", code(1))
    assert scan(line, 1) == "L5"
    assert not line.state.sorting.groups
    announce(line, 2, "wave")
    announce(line, 2, "wave")
    assert len(line.state.sorting.groups["wave"].codes) == 1
    assert to_json(from_json(to_json(line.state))) == to_json(line.state)
    expect(
        line.state.sorting, PLANT, ParcelExpected(code=code(2), epc_hex="31AA", lane="", group="b"),
        line.now + timedelta(seconds=1),
    )  # fmt: skip
    assert set(line.state.sorting.groups) == {"b"}
