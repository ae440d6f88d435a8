"""People of the hub with real scales, printers and handhelds: a truck is received, an order packed.

The WMS is the application itself on PostgreSQL; its worker's jobs run beside. What the gate says of
a pallet is said for it here, for the WCS is not in this test.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edge.drivers.scale import SicsScale
from edge.messages import WeightRead
from simulators.assortment import assortment_of
from simulators.benches import DOCK_PRINTER, Benches
from simulators.equipment import equipment
from simulators.eyes import HubEyes
from simulators.memory import Memory
from simulators.people import Deed, Operator, Step, Worker
from simulators.rfid import Way
from simulators.trucks import trucks_of
from simulators.yard import Yard
from tests.builders import NOW
from tests.wms.house import HUB, House
from tests.wms.inbound.dock import Dock
from wcs.messages import GatePassage
from wms.database import Database
from wms.outbound.model import Parcel
from wms.outbound.rules import weight_differs

SKUS = assortment_of((f"2{n}000", f"THING {n}", 300) for n in range(6))
PACKER = Operator("pack-1", HUB, ("pick", "pack"))


@pytest.fixture
def house(database: Database) -> House:
    """A hub that works as the demo's."""
    house = House(database)
    for sku in SKUS:
        body = {"code": sku.code, "gtin": sku.gtin, "name_en": sku.name_en, "weight_g": 200}
        house.ok(house.http.put("/master/v1/skus", json=[body]))
    for path, body in equipment(port_offset=0):
        if "printers" not in path:
            house.ok(house.http.put(path, json=body))
    return house


class Gate:
    """A gate that sees every other tag, says so at once, and later of all, while one is in hand."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.later: list[GatePassage] = []

    def carry(self, epcs_hex: list[str], way: Way, seconds: float) -> asyncio.Task[None]:
        """Carry them through."""
        at = self.house.clock.now()
        passage = GatePassage(
            at=at, gate="GATE-DOCK", direction=way, confidence=0.9, reads=9, started_at=at,
            ended_at=at, epcs_hex=tuple(epcs_hex[::2]),
        )  # fmt: skip
        self.later = [replace(passage, epcs_hex=tuple(epcs_hex))]
        del seconds
        return asyncio.create_task(asyncio.to_thread(self._say, passage))

    async def hands(self, _who: Operator, step: Step, _deed: Deed) -> None:
        """When the first unit is in somebody's hands, the gate says what it has seen of all."""
        while self.later and step["say"]["code"] == "inbound.whole_unit":
            await asyncio.to_thread(self._say, self.later.pop())

    def _say(self, passage: GatePassage) -> None:
        self.house.hear(passage)


async def hands(_who: Operator, _step: Step, _deed: Deed) -> None:
    """Nothing to carry here."""


@asynccontextmanager
async def beside(work: Callable[[], Any]) -> AsyncIterator[None]:
    """Do that again and again meanwhile."""
    over = asyncio.Event()

    async def go_on() -> None:
        while not over.is_set():
            await asyncio.to_thread(work)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.05)

    task = asyncio.create_task(go_on())
    yield
    over.set()
    await task


@asynccontextmanager
async def a_hub(
    house: House, **patience: float
) -> AsyncIterator[tuple[httpx2.AsyncClient, Benches]]:
    """Its benches, alive, and a line to the WMS."""
    transport = httpx2.ASGITransport(app=house.http.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://wms") as client:
        printers = {"PRN-1": 0, DOCK_PRINTER: 0}
        async with Benches({"scale-1": 0}, printers, client, **patience) as benches:
            for name in printers:
                body = {"host": "127.0.0.1", "port": benches.ports[name]}
                path = f"/console/v1/printers/{HUB}/{name}"
                house.ok(house.http.put(path, json=body))
            yield client, benches


async def test_a_truck_is_received_by_gate_and_by_hand_labelled_and_put_away(
    house: House, tmp_path: Path
):
    (truck, *_) = trucks_of(SKUS, begins_at=NOW, ends_at=NOW, seed=1)
    async with a_hub(house) as (client, benches), beside(lambda: house.job("print")):
        memory = Memory(tmp_path / "world.db")
        eyes = HubEyes(SKUS, benches, client).see
        gate = Gate(house)
        yard = Yard(
            [truck], gate=gate, benches=benches, client=client, clock=house.clock,
            memory=memory, hands=gate.hands, eyes=eyes,
        )  # fmt: skip
        work = asyncio.create_task(yard.run())
        while house.summary()["putaways"] < len(truck.freight):
            house.transports()
            await asyncio.wait({work}, timeout=0.2)
            assert not work.done()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        memory.close()
    dock = Dock(house)
    assert dock.asn(truck.id)["state"] == "CLOSED"
    facts = house.summary()
    assert (facts["deliveries"], facts["deliveries_open"], facts["receipts"]) == (1, 0, 6)
    assert facts["labels"] == 2, "what came loose has labels that were read back"
    for each in truck.freight:
        assert house.stock_row(each.sku.code)["sellable"] == each.units
    tote = next(each.sscc for each in truck.freight if each.kind == "TOTE")
    found = house.ok(house.http.get(f"/api/v1/lookup/{tote}", params={"site": HUB}))
    assert found["location"].startswith("A"), "robots have it"


async def test_a_parcel_is_weighed_its_label_printed_and_scanned_back(house: House):
    parcel, weights = await a_packed_parcel(house, scale_speaks=True, weight_s=20)
    assert parcel.weighed_g in weights


@pytest.mark.nightly
async def test_where_the_scale_is_silent_its_weight_is_typed(house: House):
    parcel, weights = await a_packed_parcel(house, scale_speaks=False, weight_s=0.2)
    assert weights == []
    assert parcel.weighed_g is not None


async def a_packed_parcel(
    house: House, *, scale_speaks: bool, weight_s: float
) -> tuple[Parcel, list[int]]:
    """An order is picked and packed by one person: the parcel, and what the scale has said."""
    sku = SKUS[0]
    house.stock(sku.code, 20, "S01-01")
    order = house.put_order((sku.code, 3))
    house.tick()
    async with (
        a_hub(house, weight_s=weight_s) as (client, benches),
        beside(lambda: house.job("pack") + house.job("print")),
    ):
        weights: list[int] = []
        device = {"name": "scale-1", "driver": "scale", "port": benches.ports["scale-1"]}
        driver = SicsScale(device, clock=house.clock, port=device["port"])  # type: ignore[arg-type]

        def say(message: object) -> None:
            if isinstance(message, WeightRead) and scale_speaks:
                weights.append(message.grams)
                house.hear(message)

        edge = asyncio.create_task(driver.run(say))
        worker = Worker(PACKER, client, house.clock, hands, HubEyes(SKUS, benches, client).see)
        while house.line(order)["status"] not in {"PACKED", "SHIPPED"}:
            await worker.next_packet()
        edge.cancel()
        await asyncio.gather(edge, return_exceptions=True)
    (parcel,) = house.parcels()
    assert parcel.weighed_g is not None
    assert not weight_differs(parcel.weight_g, parcel.weighed_g)
    assert house.summary()["labels"] == 2, "its label and its slip"
    return parcel, weights
