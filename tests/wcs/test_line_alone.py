"""PLC, edge and WCS together on a broker: with the WCS gone the sorter sorts on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid1

from edge.agent import Agent, EdgeSettings, make_drivers
from edge.clock import counted
from edge.mqtt import PahoBus, stream_ack_topic, stream_data_topic
from edge.site import read_site
from edge.spool import Spool
from edge.stream import SenderPump
from edge.uplink import Uplink
from simulators.live_conveyor import LiveConveyor
from tests.edge.live_cell import CLOCK, a_site, until
from wcs.journal import Journal
from wcs.messages import ParcelExpected, to_wcs
from wcs.runtime import Runtime

PLANT = """
[site]
code = "{code}"
[[points]]
name = "a"
x_m = 0.0
y_m = 0.0
[[points]]
name = "b"
x_m = 4.0
y_m = 0.0
[[paths]]
from = "a"
to = "b"
two_way = true
[[conveyors]]
device = "cv1"
point = "INDUCT"
to = "sorter1"
[[sorters]]
device = "sorter1"
lanes = ["L1", "L2"]
hospital = "HOSP"
[[devices]]
name = "cv1"
driver = "modbus"
port = {ports[0]}
writes = ["command"]
[[devices]]
name = "sorter1"
driver = "modbus"
port = {ports[1]}
writes = ["window", "divert"]
"""


@asynccontextmanager
async def a_wcs(text: str, url: str, path: Path, code: str) -> AsyncIterator[Runtime]:
    with Journal(path, text) as journal:
        async with PahoBus(url, client_id=f"wcs-{code}") as bus:
            runtime = Runtime(journal, bus, CLOCK)
            task = asyncio.create_task(runtime.run())
            try:
                yield runtime
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_with_the_wcs_gone_the_sorter_sorts_on(nats_url: str, tmp_path: Path):
    code = f"A{uuid1().hex[:8]}"
    rows = {f"{n:018}": f"L{1 + n % 2}" for n in range(20)}
    site: dict[str, Any] = a_site(driver="modbus")
    async with AsyncExitStack() as stack:
        live = await stack.enter_async_context(
            LiveConveyor.from_site(
                site, "cv1", clock=CLOCK, state_dir=tmp_path, on_lane=lambda _lane, _code: None
            )
        )
        text = PLANT.format(code=code, ports=(live.modbus_port, live.sorter_port))
        edge_site = read_site(text)
        settings = EdgeSettings(mqtt_url=nats_url, state_dir=tmp_path)
        drivers: dict[str, Any] = dict(make_drivers(edge_site, settings, CLOCK))
        bus = await stack.enter_async_context(PahoBus(nats_url, client_id=f"edge-{code}"))
        spool = stack.enter_context(Spool(tmp_path / "edge.db"))
        agent = Agent(edge_site, drivers, Uplink(bus, spool, site=code, clock=counted(CLOCK)))
        running = asyncio.create_task(agent.run())
        stack.callback(running.cancel)

        async with a_wcs(text, nats_url, tmp_path / "journal", code) as wcs:
            wms = await stack.enter_async_context(PahoBus(nats_url, client_id=f"wms-{code}"))
            orders = stack.enter_context(Spool(tmp_path / "wms.db"))
            pump = SenderPump(
                wms,
                orders,
                data_topic=stream_data_topic(code, "wms", "wcs"),
                ack_topic=stream_ack_topic(code, "wms", "wcs"),
            )
            pumping = asyncio.create_task(pump.run())
            stack.callback(pumping.cancel)
            expected = [ParcelExpected(code=c, epc_hex="31", lane=lane) for c, lane in rows.items()]
            orders.append([to_wcs.dump_json(one) for one in expected])
            pump.wake()
            await until(lambda: drivers["sorter1"].health()["lane_rows"] == len(rows))
            await until(lambda: wcs.state.sorting.told["sorter1"].known == len(rows))
            for parcel in [*rows][:10]:
                await live.put(parcel)
            await until(lambda: len(live.lane("L1")) + len(live.lane("L2")) == 10)

        for parcel in [*rows][10:]:  # nobody releases them now
            await live.put(parcel)
            live._command(live.cell.line.state.last_task + 1, _standing(live))
        await until(lambda: len(live.lane("L1")) + len(live.lane("L2")) == len(rows))
        assert all(rows[parcel] == lane for lane in ("L1", "L2") for parcel in live.lane(lane))

        async with a_wcs(text, nats_url, tmp_path / "journal", code) as wcs:  # and it learns of all
            await until(lambda: sum(wcs.state.sorting.lanes.values()) == len(rows))
            assert all(carton.closed for carton in wcs.state.sorting.cartons.values())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _standing(live: LiveConveyor) -> int:
    standing = live.cell.line.state.standing
    assert standing is not None
    return standing.tracking
