"""The process on a real broker: it works, is killed with -9 in the middle, and goes on.

Beside it stand an edge with one quick robot, and a WMS that sends and receives streams
(tests/wcs/site.py).
"""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from functools import partial
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.dead import DeadLetter, ask_again, letters, read_letters
from edge.messages import (
    CartonArrived,
    CartonScanned,
    Divert,
    Drive,
    ReleaseCarton,
    TellAgain,
    robot_report,
)
from edge.mqtt import (
    live_topic,
    stream_ack_topic,
    stream_data_topic,
)
from tests.edge.mutants import mutants
from tests.edge.test_fuzz import batches
from tests.night import by_night
from tests.wcs.fleet import RobotDouble
from tests.wcs.site import WHOLE, Site, has_said, running, site_text, states
from wcs.journal import Journal
from wcs.messages import (
    ParcelExpected,
    TransportOrder,
)
from wcs.replay import replay
from wcs.runtime import CREDIT_S, SHARE, Runtime, Share


def test_a_long_step_makes_nobody_wait_but_steps_never_take_more_than_their_share():
    share, now_s, cpu_s = Share(), 1_000.0, 0.03
    assert share.owed_s(2 * cpu_s, now_s) <= 0, "one long step after a quiet time"
    began_s = now_s
    for _ in range(1_000):
        now_s += cpu_s
        now_s += max(0.0, share.owed_s(cpu_s, now_s))
    most_s = SHARE * (now_s - began_s + CREDIT_S)
    assert 0.9 * most_s <= 1_000 * cpu_s <= most_s


async def test_an_order_is_carried_out_and_shown(site: Site, nats_url: str, tmp_path: Path):
    async with running(site, nats_url, tmp_path / "j"):
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t1") == WHOLE)
        assert site.robot.node == "f"
        assert site.reports[-1].metres == 20.0
        await site.until(
            lambda: any(robot.state == "IDLE" and robot.x_m == 0.0 for robot in site.on_map())
        )
        await site.until_taken_over()
    assert replay(tmp_path / "j").difference is None


async def test_cartons_are_let_in_and_sorted(site: Site, nats_url: str, tmp_path: Path):
    async with running(site, nats_url, tmp_path / "j"):
        now = SystemClock().now()
        site.order(ParcelExpected(code="1" * 18, epc_hex="31", lane="L1"))
        await site.until_taken_over()
        site.event(CartonArrived(at=now, device="cv1", point="INDUCT", tracking=1))
        site.event(
            CartonScanned(at=now, device="sorter1", tracking=5, status="GOOD", barcode="1" * 18)
        )
        # The two go to two devices: which of them is heard first is not promised.
        await site.until(
            lambda: {Divert, ReleaseCarton} <= {type(command) for command in site.commands}
        )
        assert [c.lane for c in site.commands if isinstance(c, Divert)] == ["L1"]
        assert [c.tracking for c in site.commands if isinstance(c, ReleaseCarton)] == [1]


@pytest.mark.parametrize("count", [60, by_night(3_000)])
async def test_nonsense_on_the_bus_stops_nothing(
    site: Site, nats_url: str, tmp_path: Path, count: int
):
    stranger = RobotDouble(name="R9", node="a").report(SystemClock().now(), site.plant)
    async with running(site, nats_url, tmp_path / "j"):
        for topic, right in (
            (live_topic(site.code, "edge"), [robot_report.dump_json(stranger)]),
            (stream_data_topic(site.code, "edge", "wcs"), batches()),
            (stream_data_topic(site.code, "wms", "wcs"), batches()),
            (stream_ack_topic(site.code, "wcs", "wms"), batches()),
        ):
            for body in (b"", b"{}", b"\xff", *mutants(right, count, seed=count)):
                site.bus.publish(topic, body, qos=0)
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t1") == WHOLE)
    assert replay(tmp_path / "j").difference is None


async def test_what_is_not_understood_is_set_aside_and_holds_up_nothing(
    site: Site, nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wcs.runtime.LETTERS_EVERY_S", 0.1)
    odd = {"type": "transport.order", "id": "t1", "load": "tote", "source": "c", "priority": "?"}
    async with running(site, nats_url, tmp_path / "j") as runtime:
        site._spools["wms"].append([json.dumps(odd).encode(), b"{torn"])
        site.order(TransportOrder(id="t2", load="tote", source="c", destination="f"))
        await site.until(lambda: states(site, "t2") == WHOLE)
        await site.until(lambda: "device/dead.letters" in runtime.state.alarms)
        first, second = read_letters(tmp_path / "j")
        assert (first.stream, first.seq, first.body) == ("wms", 1, odd)
        assert second.body["hex"] == b"{torn".hex()

        assert ask_again(tmp_path / "j", [first.id]) == 1  # in vain: nothing has been mended
        await site.until(lambda: not read_again(tmp_path / "j"))
        mended = {**odd, "priority": 0, "destination": "f"}
        with sqlite3.connect(tmp_path / "j") as db:
            db.execute("UPDATE dead SET body = ?, again = 1 WHERE seq = 1", (json.dumps(mended),))
        db.close()
        await site.until(lambda: states(site, "t1") == WHOLE)
        assert [letter.seq for letter in read_letters(tmp_path / "j")] == [2]
    assert replay(tmp_path / "j").difference is None


def read_again(path: Path) -> list[DeadLetter]:
    with sqlite3.connect(path) as db:
        found = letters(db, again=True)
    db.close()
    return found


async def test_what_was_told_is_told_again_until_it_is_known(
    site: Site, nats_url: str, tmp_path: Path
):
    deaf, site.robot.hear = site.robot.hear, lambda drive: drive is None  # type: ignore[method-assign]
    async with running(site, nats_url, tmp_path / "j"):
        site.order(TransportOrder(id="t1", load="tote", source="c", destination="f"))
        await site.until(lambda: sum(isinstance(c, Drive) for c in site.commands) >= 3)
        drives = [command for command in site.commands if isinstance(command, Drive)]
        assert drives[0] == drives[1] == drives[2]
        site.robot.hear = deaf  # type: ignore[method-assign]
        await site.until(lambda: states(site, "t1") == WHOLE)


async def start_process(site: Site, nats_url: str, folder: Path) -> Process:
    file = folder / "site.toml"
    file.write_text(site_text(site.code), encoding="utf-8")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from wcs.commands import wcs; wcs()",
        "run",
        "--site",
        str(file),
        "--state-dir",
        str(folder),
        "--mqtt-url",
        nats_url,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("stages", [WHOLE[:3:2], by_night(WHOLE)], ids=len)
async def test_killed_with_9_at_every_stage_it_goes_on(
    site: Site, nats_url: str, tmp_path: Path, stages: list[str]
):
    site.step_s = 0.05
    process = await start_process(site, nats_url, tmp_path)
    for n, stage in enumerate(stages):
        site.order(TransportOrder(id=f"t{n}", load=f"x{n}", source="c", destination="f"))
        await site.until(partial(has_said, site, f"t{n}", stage))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        site.commands.clear()
        process = await start_process(site, nats_url, tmp_path)
    orders = [f"t{n}" for n in range(len(stages))]
    await site.until(lambda: all(states(site, order) == WHOLE for order in orders))
    await site.until(lambda: TellAgain() in site.commands)
    await site.until_taken_over()
    process.terminate()
    assert await process.wait() == 0
    found = replay(tmp_path / f"wcs-{site.code}.journal")
    assert found.difference is None
    with Journal(tmp_path / f"wcs-{site.code}.journal", site_text(site.code)) as journal:
        state = journal.state(Runtime(journal, site.bus, SystemClock()).engine, SystemClock().now())
    assert state == found.state
    assert set(state.over) == set(orders)


async def test_a_second_process_for_a_site_says_why_it_stops(
    site: Site, nats_url: str, tmp_path: Path
):
    with Journal(tmp_path / f"wcs-{site.code}.journal", site_text(site.code)):
        process = await start_process(site, nats_url, tmp_path)
        assert await process.wait() == 1
