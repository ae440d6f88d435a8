"""After an emergency stop nothing is told to move until it was reset there and confirmed here."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from typing_extensions import override

from edge.machine_messages import FleetMission, PortalWanted, SafetyReport
from edge.messages import (
    CartonArrived,
    CartonScanned,
    DeviceStatus,
    Divert,
    Drive,
    PauseRobot,
    ReleaseCarton,
)
from simulators.portals import CircuitModel
from tests.wcs.fleet import START, Weather, World
from tests.wcs.small import grid, plant_of
from wcs import safety
from wcs.engine import Engine, Started
from wcs.messages import ParcelExpected, SafetyConfirmed, TransportOrder, Withdrawal
from wcs.plant import Plant
from wcs.state import Outbox, from_json, to_json

CALM = Weather(lost=0.0, stall=0.0, delay_s=(0.1, 0.5))
MORE = """
[[devices]]
name = "cell"
driver = "portals"
[[devices]]
name = "cv1"
driver = "modbus"
[[devices]]
name = "sorter1"
driver = "opcua"
[[devices]]
name = "raas"
driver = "fleet_api"
[[conveyors]]
device = "cv1"
point = "INDUCT"
to = "sorter1"
[[sorters]]
device = "sorter1"
lanes = ["L1"]
hospital = "HOSP"
[[fleets]]
name = "raas"
device = "raas"
places = ["outside*"]
[[circuits]]
name = "hall"
device = "cell"
"""
POINTS = {
    f"{x},{y}": (2.0 * x, 2.0 * y) for x in range(4) for y in range(2)
}  # a ring of eight points: west is x = 0 and 1


def ring(circuit: str = "", **robots: str) -> Plant:
    order = ["0,0", "1,0", "2,0", "3,0", "3,1", "2,1", "1,1", "0,1"]
    paths = [f"{a}>{b}" for a, b in zip(order, order[1:] + order[:1], strict=True)]
    return plant_of(POINTS, paths, robots=robots, more=MORE + circuit)


class Cell(World):
    """A world with a safety circuit; what it is told is kept."""

    def __init__(self, plant: Plant) -> None:
        self.told: list[object] = []
        self.circuit = CircuitModel("hall")
        super().__init__(plant, 1, CALM)

    @override
    def _carry_out(self, outbox: Outbox) -> None:
        super()._carry_out(outbox)
        self.told += outbox.to_edge

    def say(self) -> None:
        self.inbox.append(
            SafetyReport(
                at=self.now, device="cell", circuit="hall", stopped=self.circuit.stopped
            )
        )  # fmt: skip

    def confirm(self) -> None:
        self.inbox.append(SafetyConfirmed(id="c1", circuit="hall", by="sato", reason="clear"))

    def wait(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        self.run_until(partial(self._is, until), seconds + 60)

    def _is(self, until: object) -> bool:
        return self.now >= until  # type: ignore[operator]

    def moved(self) -> list[object]:
        moving = Drive | ReleaseCarton | Divert | FleetMission | PortalWanted
        return [
            one
            for one in self.told
            if isinstance(one, moving) or (isinstance(one, PauseRobot) and not one.paused)
        ]

    @override
    def tick(self) -> None:
        """Say again what robots do not know, as the runtime does."""
        self.later(5.0, self.tick)
        self.step()

    def restart(self) -> None:
        """The process ends and begins again."""
        self.state, self.engine = from_json(to_json(self.state)), Engine(self.plant)
        self.inbox.append(Started())

    def stir(self) -> None:
        """Everything that would make something move."""
        now = self.now
        self.inbox += [
            ParcelExpected(code="1" * 18, epc_hex="31", lane="L1"),
            CartonArrived(at=now, device="cv1", point="INDUCT", tracking=1),
            CartonScanned(at=now, device="sorter1", tracking=5, status="GOOD", barcode="1" * 18),
            DeviceStatus(at=now, device="raas", status="UP"),
            Withdrawal(id="t0-x"),  # its robot would be told a shorter way
            TransportOrder(id="hired", load="h", source="outside 1", destination="outside 2"),
        ]
        self.order("y", "3,1", "0,1")


def test_nothing_moves_until_both_have_said_so():
    cell = Cell(ring(R1="0,0", R2="2,0"))
    order = cell.order("x", "0,1", "1,0")
    cell.run_until(lambda: any(isinstance(one, Drive) for one in cell.told), 60)
    cell.circuit.press()
    cell.say()
    cell.wait(1)
    cell.told.clear()
    acts = [cell.stir, cell.confirm, cell.restart, cell.circuit.reset, cell.say, cell.restart]
    for act in acts:
        act()
        cell.wait(30)
        assert cell.moved() == [], f"after {act.__name__}"
    assert {"safety.stopped/hall", "safety.not_reset/hall"} <= {*cell.state.alarms}
    cell.confirm()
    cell.wait(1)
    assert {one.robot for one in cell.told if isinstance(one, PauseRobot) and not one.paused} == {
        "R1", "R2",
    }  # fmt: skip
    cell.run_until(lambda: order in cell.ended(), 600)
    assert not [one for one in cell.state.alarms if one.startswith("safety")]
    kinds = {type(one) for one in cell.moved()}
    assert kinds >= {Drive, FleetMission, ReleaseCarton}


def test_a_stop_after_the_reset_needs_another_reset():
    cell = Cell(ring(R1="0,0"))
    cell.wait(1)
    for press in (True, False, True):
        cell.circuit.stopped = press
        cell.say()
    cell.confirm()
    cell.wait(5)
    assert "hall" in cell.state.stops
    cell.circuit.reset()
    cell.say()
    cell.confirm()
    cell.wait(5)
    assert "hall" not in cell.state.stops


def test_whom_people_had_paused_before_is_not_let_go_by_it():
    cell = Cell(ring(R1="0,0", R2="2,0"))
    cell.wait(1)
    paused = replace(cell.robots["R1"].report(cell.now, cell.plant), paused=True)
    cell.inbox.append(paused)
    cell.circuit.press()
    cell.say()
    cell.wait(2)
    cell.circuit.reset()
    cell.say()
    cell.confirm()
    cell.wait(2)
    assert [one.robot for one in cell.moved() if isinstance(one, PauseRobot)] == ["R2"]


def test_a_circuit_of_a_part_stops_that_part():
    part = 'points = ["0,*", "1,*"]\ndevices = ["cv1"]\n'
    cell = Cell(ring(part, R1="0,0", R2="2,0"))
    cell.wait(1)
    cell.circuit.press()
    cell.say()
    cell.wait(1)
    assert [one.robot for one in cell.told if isinstance(one, PauseRobot)] == ["R1"]
    inside, outside = cell.order("x", "0,1", "1,0"), cell.order("y", "3,0", "3,1")
    cell.run_until(lambda: outside in cell.ended(), 600)
    cell.order("z", "3,0", "1,1")
    cell.wait(60)
    assert inside not in cell.ended()
    assert {d.robot for d in cell.told if isinstance(d, Drive)} == {"R2"}
    drives = [d for d in cell.told if isinstance(d, Drive)]
    released = {node.node for drive in drives for node in drive.nodes if node.released}
    assert not {point for point in released if point[0] in "01"}
    cell.stir()
    cell.wait(20)
    assert not [one for one in cell.told if isinstance(one, ReleaseCarton)]
    assert [one for one in cell.told if isinstance(one, Divert | FleetMission)]


@pytest.mark.parametrize("name", ["hall", "forgotten"])
def test_a_stop_outlives_us_whatever_the_site_file_says(name: str):
    plant = ring(R1="0,0")
    cell = Cell(plant)
    report = SafetyReport(at=START, device="cell", circuit=name, stopped=True)
    cell.inbox.append(report)
    cell.wait(1)
    state, engine = from_json(to_json(cell.state)), Engine(grid(4, 4, robots={"R1": "0,0"}))
    out = engine.step(state, [Started()], cell.now)
    assert not [one for one in out.to_edge if isinstance(one, Drive)]
    assert safety.holds(state, engine.plant, state.robots["R1"])
