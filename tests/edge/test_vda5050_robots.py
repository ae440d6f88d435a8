"""Our robots on a real broker: under a foreign master, and killed."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vda5050.client.master.client import MasterClient
from vda5050.config import MasterConfig
from vda5050.domain.order.builder import OrderBuilder
from vda5050.model.common import Action, ActionParameter, NodePosition
from vda5050.model.enums import BlockingType
from vda5050.model.order import Order
from vda5050.model.state import State

from edge.messages import DriveAction
from simulators.live_robots import run_robots
from tests.edge.test_vda5050_fleet import with_actions
from tests.edge.vda5050_live import PahoTransport, a_clock, a_site, driven, lane, running
from tests.edge.waiting import soon


# ------------------------------------------------------------------------------ a foreign master
def foreign_action(kind: str, number: int) -> Action:
    """An action of the SDK."""
    return Action(
        action_type=kind,
        action_id=f"{kind}-{number}",
        blocking_type=BlockingType.HARD,
        action_parameters=[ActionParameter(key="loadId", value="T-9")],
    )


def foreign_order(site: dict[str, Any], order_id: str, points: list[int]) -> Order:
    """An order of the SDK along points of lane 0, with a pick and a drop at its ends."""
    rows = {row["name"]: row for row in site["points"]}
    builder = OrderBuilder(
        order_id=order_id, manufacturer=site["site"]["code"], serial_number="R-0"
    )
    before = None
    for index, number in enumerate(points):
        name = f"L0-{number}"
        kinds = {0: ["pick"], len(points) - 1: ["drop"]}.get(index, [])
        builder.add_node(
            name,
            node_position=NodePosition(
                x=rows[name]["x_m"], y=rows[name]["y_m"], map_id=site["site"]["code"]
            ),
            actions=[foreign_action(kind, number) for kind in kinds],
        )
        if before is not None:
            builder.add_edge(before, name)
        before = name
    return builder.release_all().build()


async def test_our_robots_obey_a_foreign_master(broker_url: str, tmp_path: Path):
    site, clock = a_site(robots=1), a_clock(tmp_path)
    code, states = site["site"]["code"], list[State]()
    robot = f"{code}/R-0"
    master = MasterClient(MasterConfig(validate_messages=True), transport=PahoTransport(broker_url))
    master.on_state(lambda state, key: states.append(state) if key.manufacturer == code else None)
    robots = run_robots(site, broker_url, clock=clock, state_dir=tmp_path)
    async with master, running(robots):
        await soon(lambda: states)
        await master.request_factsheet(robot)
        first = await master.dispatch(foreign_order(site, "o-1", [0, 1, 2, 3]), robot)
        assert first.accepted, first.detail
        assert await master.wait_for_action(robot, "drop-3", timeout=20)
        await soon(lambda: states[-1].last_node_id == "L0-3" and not states[-1].node_states)
        clock.set_speed(5.0)  # so that the cancel comes in time
        back = await master.dispatch(foreign_order(site, "o-2", [3, 2, 1, 0]), robot)
        assert back.accepted, back.detail
        await soon(lambda: states[-1].order_id == "o-2" and states[-1].node_states)
        await master.cancel_order(robot)
        await soon(lambda: states[-1].order_id == "o-2" and not states[-1].node_states)
        assert not any(state.errors for state in states)
        assert master.metrics_snapshot().get("messages_rejected", 0) == 0
        assert master.min_order_interval(robot) is not None  # the factsheet was understood


# ------------------------------------------------------------------------------------- kill -9
@contextmanager
def robots_process(site: dict[str, Any], url: str, folder: Path) -> Iterator[None]:
    """The robots in a process of their own, which is killed at the end, without a warning."""
    file = folder / "site.json"
    file.write_text(json.dumps(site))
    arguments = [str(file), url, str(folder / "clock"), str(folder)]
    command = [sys.executable, "-m", "tests.edge.robots_process", *arguments]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def test_a_killed_simulator_comes_back_with_the_same_world(nats_url: str, tmp_path: Path):
    site, clock = a_site(robots=1, points=8), a_clock(tmp_path)
    clock.set_speed(20.0)
    pick = DriveAction(action_id="p", kind="PICK", load="T-1")
    nodes = with_actions(lane(site, 0), {1: pick})
    async with driven(site, nats_url, clock, tmp_path) as wcs:
        with robots_process(site, nats_url, tmp_path):
            await wcs.until_known(1)
            mission = asyncio.ensure_future(wcs.mission("R-0", "m-1", nodes))
            await soon(lambda: wcs.reports["R-0"].load == "T-1")
        with robots_process(site, nats_url, tmp_path):
            await soon(lambda: wcs.reports["R-0"].passed_sequence >= 8)
        with robots_process(site, nats_url, tmp_path):
            await mission
        passed = wcs.passed["R-0"]
        assert len(set(passed)) == len(passed)
        assert [place for place in passed if place[0]] == sorted(set(passed[1:]))
        assert wcs.reports["R-0"].load == "T-1"
        assert not wcs.reports["R-0"].errors
