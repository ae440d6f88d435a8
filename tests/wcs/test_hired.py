"""Hired fleets: an order is with one of them, or with one of ours, and is paid once."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.machine_messages import FleetMission, FleetReport, MissionState
from edge.messages import DeviceStatus
from tests.wcs.fleet import START
from tests.wcs.small import HEAD, square
from wcs.commands import wcs
from wcs.engine import Engine, Incoming
from wcs.journal import Journal
from wcs.messages import Alarm, MissionCharged, TransportOrder, TransportReport, Withdrawal
from wcs.plant import Plant
from wcs.sitefile import PlantError
from wcs.state import Outbox, State, fresh_state

MORE = """
[[devices]]
name = "raas"
driver = "fleet_api"
[[fleets]]
name = "raas"
device = "raas"
missions_max = 2
again_s = 60.0
price_minor = 100
price_metre_minor = 0.5
"""
UP = DeviceStatus(at=START, device="raas", status="UP")
DOWN = DeviceStatus(at=START, device="raas", status="DOWN")


class Desk:
    """The engine of a site with a hired fleet, and what it said."""

    def __init__(self, more: str = MORE, **robots: str) -> None:
        self.plant: Plant = square(robots=robots, more=more)
        self.engine, self.state = Engine(self.plant), fresh_state(self.plant, START)
        self.said: list[Outbox] = []
        self.now = START

    def step(self, *inbox: Incoming, after_s: float = 1.0) -> Outbox:
        self.now += timedelta(seconds=after_s)
        self.said.append(self.engine.step(self.state, inbox, self.now))
        return self.said[-1]

    def word(self, mission: str, state: MissionState, **more: object) -> Outbox:
        word = FleetReport(at=self.now, device="raas", mission=mission, state=state)
        return self.step(replace(word, **more))  # type: ignore[arg-type]

    def missions(self) -> list[FleetMission]:
        return [c for out in self.said for c in out.to_edge if isinstance(c, FleetMission)]

    def states(self, order: str) -> list[str]:
        told = [m for out in self.said for m in out.to_wms if isinstance(m, TransportReport)]
        return [one.state for one in told if one.id == order]

    def charged(self) -> list[MissionCharged]:
        return [m for out in self.said for m in out.to_wms if isinstance(m, MissionCharged)]


def an_order(n: int = 1, load: str = "x", **more: object) -> TransportOrder:
    order = TransportOrder(id=f"t{n}", load=load, source="dock 1", destination="hall 2")
    return replace(order, **more)  # type: ignore[arg-type]


def test_an_order_goes_to_the_fleet_and_is_charged_once():
    desk = Desk()
    desk.step(UP, an_order())
    (mission,) = desk.missions()
    assert (mission.device, mission.mission, mission.tells) == ("raas", "t1", 1)
    assert (mission.load, mission.source, mission.destination) == ("x", "dock 1", "hall 2")
    for state in ("ACCEPTED", "LOADED", "LOADED", "ACCEPTED"):
        desk.word("t1", state, robot="r7", metres=4.0)
    for _ in range(2):
        desk.word("t1", "FINISHED", metres=31.0, price_minor=130, currency="JPY")
    assert desk.states("t1") == ["ACCEPTED", "ASSIGNED", "LOADED", "FINISHED"]
    (charge,) = desk.charged()
    assert (charge.agreed_minor, charge.asked_minor, charge.metres) == (116, 130, 31.0)
    assert not desk.state.handed


def test_what_is_not_answered_is_said_again_under_the_same_name():
    desk = Desk()
    desk.step(UP, an_order())
    for _ in range(12):
        desk.step()
    assert [m.tells for m in desk.missions()] == [1, 2, 3]
    assert {m.mission for m in desk.missions()} == {"t1"}
    desk.word("t1", "ACCEPTED")
    desk.step(after_s=30)
    assert len(desk.missions()) == 3, "it is under way"
    desk.step(after_s=61)
    assert len(desk.missions()) == 4, "now and then, in case the edge has forgotten it"


def test_a_fleet_that_is_away_keeps_what_it_may_have_and_gets_nothing_new():
    desk = Desk()
    desk.step(UP, an_order(1), an_order(2, "y"))
    desk.word("t1", "LOADED")
    desk.step(DOWN, an_order(3, "z"))
    desk.step(after_s=5_000)
    assert {m.mission for m in desk.missions()} == {"t1", "t2"}, "nobody else gets t2"
    assert {"fleet.away/raas", "fleet.mission_silent/t2"} <= {*desk.state.alarms}
    desk.step(UP)
    desk.word("t2", "FINISHED")
    desk.word("t1", "FINISHED")
    assert desk.states("t2")[-1] == desk.states("t1")[-1] == "FINISHED"
    assert {m.mission for m in desk.missions()} == {"t1", "t2", "t3"}
    assert "fleet.away/raas" not in desk.state.alarms


@pytest.mark.parametrize("how", ["REFUSED", "FAILED", "CANCELLED"])
def test_what_was_not_begun_is_anybodys_again_under_another_name(how: MissionState):
    desk = Desk()
    desk.step(UP, an_order())
    desk.word("t1", how, reason="no robot")
    assert len(desk.missions()) == 1, "not at once the same fleet"
    desk.step(after_s=61)
    again = desk.missions()[-1]
    assert again.mission not in ("t1", "")
    desk.word("t1", "LOADED")  # the old one, late
    assert desk.states("t1") == ["ACCEPTED", "ASSIGNED"]
    assert ("fleet.contradiction/t1" in desk.state.alarms) == (how != "FAILED")
    desk.word(again.mission, "FINISHED")
    assert desk.states("t1") == ["ACCEPTED", "ASSIGNED", "FINISHED"]
    assert len(desk.charged()) == (1 if how == "REFUSED" else 2)


def test_what_fails_loaded_has_failed():
    desk = Desk()
    desk.step(UP, an_order())
    desk.word("t1", "LOADED")
    desk.word("t1", "FAILED", reason="dropped")
    desk.step(after_s=100)
    assert desk.states("t1")[-1] == "FAILED"
    assert len(desk.missions()) == 1


def test_a_withdrawn_order_ends_when_the_fleet_says_so_and_a_load_is_delivered():
    desk = Desk()
    desk.step(UP, an_order(1), an_order(2, "y"))
    desk.word("t2", "LOADED")
    desk.step(Withdrawal(id="t1"), Withdrawal(id="t2"))
    assert [m.mission for m in desk.missions() if not m.wanted] == ["t1", "t2"]
    assert "WITHDRAWN" not in desk.states("t1"), "it may be loading just now"
    desk.word("t1", "CANCELLED")
    desk.word("t2", "FINISHED")
    assert (desk.states("t1")[-1], desk.states("t2")[-1]) == ("WITHDRAWN", "FINISHED")


def test_room_one_a_load_and_our_own_robots_first():
    desk = Desk()
    orders = [an_order(1), an_order(2), an_order(3, "y"), an_order(4, "z")]
    desk.step(UP, *orders)
    assert [m.mission for m in desk.missions()] == ["t1", "t3"], "t2 is the load of t1"
    desk.word("t1", "FINISHED")
    assert [m.mission for m in desk.missions()] == ["t1", "t3", "t2"]

    ours = Desk(MORE + "after_s = 100.0\n", R1="a")
    ours.step(UP, an_order(1, source="p", destination="a"), an_order(2, "y"))
    assert [m.mission for m in ours.missions()] == ["t2"], "nobody of ours can go there"
    ours.step(after_s=101)
    assert [m.mission for m in ours.missions()][-1] == "t1", "nobody of ours came"
    assert ours.state.handed["t1"].fleet == "raas"


def test_a_place_that_neither_we_nor_a_fleet_knows_fails():
    desk = Desk(MORE + 'places = ["dock*", "hall*"]\n')
    desk.step(UP, an_order(1, source="nowhere"), an_order(2, "y"))
    assert desk.states("t1") == ["FAILED"]
    assert desk.states("t2") == ["ACCEPTED", "ASSIGNED"]


def test_the_bill_of_a_month(tmp_path: Path):
    desk = Desk()
    desk.step(UP, an_order(1), an_order(2, "y"))
    desk.word("t1", "FINISHED", metres=10.0, price_minor=105)
    desk.word("t2", "FAILED", price_minor=20)
    text = HEAD + "".join(
        f'[[points]]\nname = "{n}"\nx_m = {x}\ny_m = 0.0\n' for n, x in {"a": 0.0, "b": 4.0}.items()
    )
    path = tmp_path / "j"
    with Journal(path, text + '[[paths]]\nfrom = "a"\nto = "b"\ntwo_way = true\n') as journal:
        state: State = desk.state
        for out in desk.said:
            for _ in range(2):  # a step is taken once; a charge is kept once whatever happens
                journal.write(desk.now, [], out, {}, state)
    run = CliRunner().invoke(wcs, ["raas-bill", str(path), "--month", "2026-04"])
    found = json.loads(run.output)
    assert found["bill"] == [
        {
            "fleet": "raas", "currency": "JPY", "finished": 1, "not_finished": 1, "metres": 10.0,
            "agreed_minor": 105, "asked_minor": 125, "differing": 1,
        }
    ]  # fmt: skip
    assert len(found["missions"]) == 2
    run = CliRunner().invoke(wcs, ["raas-bill", str(path), "--format", "csv"])
    assert run.output.splitlines()[0].startswith("mission,at,fleet")
    assert len(run.output.splitlines()) == 3
    assert CliRunner().invoke(wcs, ["raas-bill", str(path), "--format", "pdf"]).exit_code == 2
    assert CliRunner().invoke(wcs, ["raas-bill", str(tmp_path / "none")]).exit_code == 2


def test_faults_of_the_site_file_are_told():
    with pytest.raises(PlantError) as caught:
        square(
            robots={}, more=MORE.replace('device = "raas"', 'device = "x"').replace("= 2", "= 0")
        )
    assert caught.value.faults == (
        "fleets[1].device: there is no device x",
        "fleets[1]: missions_max is at least 1, and no time is below 0",
    )


def test_alarms_of_a_fleet_end():
    desk = Desk()
    desk.step(UP, an_order())
    desk.step(after_s=1_000)
    desk.word("t1", "ACCEPTED")
    told = [m for out in desk.said for m in out.to_wms if isinstance(m, Alarm)]
    assert [(a.code, a.active) for a in told] == [
        ("fleet.mission_silent", True), ("fleet.mission_silent", False),
    ]  # fmt: skip
