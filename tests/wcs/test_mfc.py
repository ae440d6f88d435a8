"""Networks of conveyors: where units go, and that nothing stands still for good."""

from dataclasses import replace
from datetime import timedelta

import pytest

from edge.machine_messages import RouteUnit, UnitScanned
from tests.wcs.conveying import Hall, loop
from tests.wcs.fleet import START
from wcs import mfc
from wcs.mfc import LAPS_MAX
from wcs.mfc_graph import Belt, Network, Node, faults_of
from wcs.mfc_units import Unit
from wcs.state import Expected, Outbox, State, from_json, to_json

DEVICES = {"plc": None}


def test_everybody_comes_to_their_own_exit():
    hall = Hall(loop(), 1)
    lanes = {hall.bring("AB"[n % 2], f"L{n % 2 + 1}"): f"L{n % 2 + 1}" for n in range(30)}
    hall.run(300)
    assert hall.arrived == lanes
    assert {said.code: said.lane for said in hall.said} == lanes
    assert hall.inside() == len(hall.state.conveying.units) == 0
    assert not any(hall.state.conveying.load.values())


def test_who_is_not_expected_goes_round_and_then_to_the_hospital():
    hall = Hall(loop(), 1)
    stranger = hall.bring("A", None)
    hall.run(24 * LAPS_MAX - 6)
    assert not hall.arrived
    hall.run(40)
    assert hall.arrived == {stranger: "HOSP"}
    assert hall.said[0].status == "MAX_RECIRC"


def test_who_is_announced_while_it_goes_round_gets_its_exit():
    hall = Hall(loop(), 1)
    late = hall.bring("A", None)
    hall.run(30)
    hall.bring("A", "L2", late)
    hall.queues["inA"].clear()
    hall.run(40)
    assert hall.arrived == {late: "L2"}


def test_too_heavy_is_for_the_hospital_at_once():
    state, network, outbox = State("T1", START, START), loop(), Outbox()
    event = UnitScanned(
        at=START, device="plc", node="S4", tracking=1, status="OVERWEIGHT", barcode="1"
    )
    mfc.heard(state, network, event, outbox)
    (route,) = outbox.to_edge
    assert isinstance(route, RouteUnit)
    assert (route.belt, route.tracking) == ("lh", 1)


def test_a_full_lane_gets_no_more_than_it_has_room_for_and_others_go_on():
    """The hall fails if a unit is sent to a belt that is full."""
    hall = Hall(loop(), 1)
    hall.pace_s |= {"L1": 10_000.0, "HOSP": 10_000.0}
    for _ in range(12):
        hall.bring("A", "L1")
    hall.run(60)
    others = [hall.bring("B", "L2") for _ in range(10)]
    hall.run(400)
    assert len(hall.belts["l1"]) == 3
    assert {code for code, lane in hall.arrived.items() if lane == "L2"} == set(others)


@pytest.mark.parametrize("seed", range(4))
def test_a_flood_does_not_stop_the_ring(seed: int):
    """Far more than the ring takes, slow lanes, bad labels: the ring keeps a place free."""
    hall = Hall(loop(room=4), seed, no_read=0.05)
    hall.pace_s |= {"L1": 4.0, "L2": 6.0, "HOSP": 9.0}
    for n in range(120):
        hall.bring("AB"[n % 2], f"L{hall.rng.randint(1, 3)}")  # a third for a lane that is none
    done = 0
    for _ in range(10):
        hall.run(100)
        assert len(hall.arrived) > done or not hall.inside()
        done = len(hall.arrived)
    hall.run(600)
    assert len(hall.arrived) == 120


def test_a_jam_is_driven_round_and_what_stood_in_it_goes_on_afterwards():
    network = loop()
    extra = Belt(name="l9", start="S4", end="L1", room=3, seconds=3.0)
    network = Network(tuple(network.nodes.values()), (*network.belts.values(), extra))
    hall = Hall(network, 1)
    first = [hall.bring("A", "L1") for _ in range(2)]
    while not hall.belts["l1"]:
        hall.tick()
    hall.jam("l1")
    (alarm,) = hall.state.alarms.values()
    assert (alarm.code, alarm.priority) == ("mfc.jam", 1)
    later = [hall.bring("A", "L1") for _ in range(3)]
    hall.run(120)
    assert set(later) <= set(hall.arrived), "by S4"
    hall.jam("l1", "OPEN")
    hall.run(60)
    assert set(hall.arrived) == {*first, *later}
    assert not hall.state.alarms


def test_a_unit_that_is_taken_off_by_hand_is_missed_by_the_next_one():
    hall = Hall(loop(), 1)
    gone, next_one = hall.bring("A", "L1"), hall.bring("A", "L1")
    while len(hall.belts["fA"]) < 2:
        hall.tick()
    hall.belts["fA"].popleft()
    hall.run(60)
    assert hall.arrived == {next_one: "L1"}
    assert [alarm.id for alarm in hall.state.alarms.values()] == [f"mfc.lost/{gone}"]
    assert gone not in hall.state.conveying.units
    assert not any(hall.state.conveying.load.values()), "its room is free again"
    hall.bring("B", "L2", gone)
    hall.run(60)
    assert (hall.arrived[gone], dict(hall.state.alarms)) == ("L2", {})


def test_what_cannot_be_read_is_known_by_its_place():
    hall = Hall(loop(), 1)
    code = hall.bring("A", "L1")
    while not hall.belts["fA"]:
        hall.tick()
    hall.plc.no_read = 1.0
    hall.run(60)
    assert hall.arrived == {code: "L1"}
    assert hall.said[0].code == code


def test_a_scan_that_is_told_again_gets_the_same_answer():
    state, full = State("T1", START, START), loop()
    belts = [replace(belt, room=1) for belt in full.belts.values()]  # it takes the only place
    network = Network(tuple(full.nodes.values()), tuple(belts))
    event = UnitScanned(
        at=START, device="plc", node="S4", tracking=7, status="OVERSIZE", barcode="1"
    )
    answers = []
    for _ in range(3):
        outbox = Outbox()
        mfc.heard(state, network, event, outbox)
        state.now += timedelta(seconds=0.3)
        answers += [command.belt for command in outbox.to_edge if isinstance(command, RouteUnit)]
    assert answers == ["lh"] * 3
    assert state.conveying.load == {"lh": 1}, "and takes room once"


@pytest.mark.parametrize(("longer", "queue"), [("A", ""), ("B", ""), ("", "A"), ("", "B")])
def test_who_waited_longest_with_the_longest_queue_goes_on_to_the_ring_first(
    longer: str, queue: str
):
    state, network = State("T1", START, START + timedelta(seconds=60)), loop()
    state.conveying.load = {"r1": network.ring_room["r1"] - 1}  # room for one more
    for n, feed in enumerate("BA"):
        at = START if feed == longer else START + timedelta(seconds=30)
        scan = UnitScanned(
            at=at, device="plc", node=f"M{feed}", tracking=n, status="GOOD", barcode=feed
        )
        unit = Unit(code=feed, belt=f"f{feed}", number=n, since=at, scan=scan)
        state.conveying.units[feed] = unit
        state.conveying.load[f"f{feed}"] = 4 if feed == queue else 1
        state.conveying.standing[f"M{feed}"] = feed
        state.sorting.expected[feed] = Expected(lane="L1", number=n + 1)
    outbox = Outbox()
    mfc.run(state, network, outbox)
    (route,) = outbox.to_edge
    assert isinstance(route, RouteUnit)
    assert route.node == f"M{longer or queue}"


def test_the_state_goes_to_json_and_back_in_the_middle():
    hall = Hall(loop(), 3)
    for n in range(20):
        hall.bring("AB"[n % 2], f"L{n % 2 + 1}")
    hall.run(25)
    assert hall.state.conveying.units
    assert to_json(from_json(to_json(hall.state))) == to_json(hall.state)


def test_what_stands_for_safety_is_not_sent_on():
    hall = Hall(loop(), 1)
    hall.bring("A", "L1")
    hall.run(3)
    hall.state.conveying.standing |= {"MA": next(iter(hall.state.conveying.units))}
    outbox = Outbox()
    mfc.run(hall.state, hall.network, outbox, held={"plc"})
    assert not outbox.to_edge


def test_faults_of_a_network_are_all_listed():
    nodes = (
        Node(name="a", device="plc"),
        Node(name="b", device="other", kind="STOP", through="nowhere"),
        Node(name="x", device="plc", kind="EXIT"),
    )
    belts = (
        Belt(name="ab", start="a", end="b", room=0, seconds=1.0),
        Belt(name="xc", start="x", end="c", room=1, seconds=1.0),
    )
    faults = "\n".join(faults_of(Network(nodes, belts), DEVICES))
    for part in (
        "no device other", "belt nowhere", "cannot wait", "leaves from an exit",
        "no node c", "room for one", "no HOSPITAL",
    ):  # fmt: skip
        assert part in faults
    assert not [*faults_of(loop(), DEVICES)]
    good = loop()
    alone = replace(good.belts["lh"], start="S3")
    cut = Network(
        tuple(good.nodes.values()), tuple(b for b in good.belts.values() if b.name != "lh")
    )
    assert any("no way leads on" in fault for fault in faults_of(cut, DEVICES))
    assert alone.start == "S3"
