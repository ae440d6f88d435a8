"""The hub and its spokes as physical places: who carries what where.

The devices have models of their own (robots, conveyor and sorter, RFID readers). This module is
what lies between them: hands, vans, and the dock.

    packer ----> conveyor -> sorter -> lane ---> dock worker -> GATE-OUT -> carrier's van
    spoke's van ----> GATE-IN ----^      HOSP --> a new label, back on the conveyor

Whatever somebody holds in hands is written down before it is taken and until it is put down, so
a killed world goes on where it was. Nobody here decides anything: who carries parcels out of a
lane goes by what the sorter put there, and knows that a parcel is shipped from the WMS's lookup.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2
import structlog

from edge.clock import Clock
from edge.gs1 import sscc_to_epc_hex
from simulators.carrier import CarrierApi
from simulators.live_conveyor import LiveConveyor
from simulators.memory import Memory
from simulators.network import HUB, line_haul_s
from simulators.people import Deed, Operator, Step
from simulators.reader import GateReader
from simulators.wire import call

log = structlog.get_logger()

COMPANY_PREFIX_DIGITS = 7
HOSPITAL = "HOSP"
CARRIED_AT_ONCE_MAX = 12
GATE_S = 8.0  # to walk a cage through a gate
AGAIN_S = 600.0  # a parcel that the WMS does not know as shipped by then passes the gate again
RELABEL_S = 120.0
ROUND_S = 45.0  # a dock worker looks at the lanes that often
SHIPPED = frozenset({"SHIPPED", "DELIVERED"})
TRANSFER = "TRANSFER"  # on the label of what a van takes to a store


class World:
    """What is between the devices."""

    def __init__(  # noqa: PLR0913 - the pieces of the world
        self,
        *,
        conveyor: LiveConveyor,
        gate_in: GateReader,
        gate_out: GateReader,
        carrier: CarrierApi,
        client: httpx2.AsyncClient,
        memory: Memory,
        clock: Clock,
    ) -> None:
        self._conveyor = conveyor
        self._gate_in = gate_in
        self._gate_out = gate_out
        self._carrier = carrier
        self._client = client
        self._memory = memory
        self._clock = clock

    async def hands(self, operator: Operator, step: Step, deed: Deed) -> None:
        """What a person's hands do before that deed."""
        if deed.type != "scan":
            return
        label = next((code for expect in step["expect"] for code in expect["codes"]), "")
        loads = step["say"]["code"] == "load.scan_parcel"
        packs = step["say"]["code"] == "pack.scan_label" and operator.site == HUB
        if not (loads or packs) or await self._is_for_a_store(label):
            return
        if loads:
            self._load(label, site=operator.site)
        else:
            await self._lay_on_conveyor(label)

    async def _is_for_a_store(self, code: str) -> bool:
        """Whether the label says that a van of ours takes it to a store, past the hub's sorter."""
        answer = await call(self._client, "GET", f"/api/v1/lookup/{code}")
        return answer.status_code == 200 and answer.json().get("service") == TRANSFER

    def _load(self, code: str, *, site: str) -> None:
        """Put a parcel into the spoke's van, which leaves at once."""
        if self._memory.get("van", code) is None and self._memory.get("inducted", code) is None:
            arrives_at = self._clock.now() + timedelta(seconds=line_haul_s(site))
            self._memory.put("van", code, arrives_at.isoformat())

    async def _lay_on_conveyor(self, code: str) -> None:
        if self._memory.get("inducted", code) is None:
            await self._conveyor.put(code)
            self._memory.put("inducted", code, self._clock.now().isoformat())

    async def run(self) -> None:
        """Vans, dock and hospital, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._unload_vans())
            tasks.create_task(self._work_the_dock())
            tasks.create_task(self._relabel())
            tasks.create_task(self._help_visitors())

    async def _unload_vans(self) -> None:
        """Vans that have arrived are emptied through GATE-IN on to the conveyor."""
        while True:
            now = self._clock.now()
            arrived = [
                code
                for code, at in self._memory.all("van").items()
                if datetime.fromisoformat(at) <= now
            ]
            for start in range(0, len(arrived), CARRIED_AT_ONCE_MAX):
                load = arrived[start : start + CARRIED_AT_ONCE_MAX]
                await self._gate_in.carry(_tags(load), "IN", GATE_S)
                for code in load:
                    await self._lay_on_conveyor(code)
                    self._memory.forget("van", code)
            await self._clock.sleep(ROUND_S)

    async def _work_the_dock(self) -> None:
        """Parcels in lanes are carried through GATE-OUT until the WMS knows them shipped."""
        carried_at: dict[str, datetime] = {}
        while True:
            await self._clock.sleep(ROUND_S)
            for lane in self._conveyor.config.sorter_config.lanes:
                for code in self._conveyor.lane(lane):
                    if code in carried_at and await self._is_shipped(code):
                        self._carrier.collect(code)
                        await self._conveyor.take_from_lane(lane, code)
                        del carried_at[code]
            now = self._clock.now()
            waiting = [
                code
                for lane in self._conveyor.config.sorter_config.lanes
                for code in self._conveyor.lane(lane)
                if (now - carried_at.get(code, datetime.min.replace(tzinfo=now.tzinfo)))
                > timedelta(seconds=AGAIN_S)
            ]
            for start in range(0, len(waiting), CARRIED_AT_ONCE_MAX):
                load = waiting[start : start + CARRIED_AT_ONCE_MAX]
                await self._gate_out.carry(_tags(load), "OUT", GATE_S)
                carried_at |= dict.fromkeys(load, self._clock.now())

    async def _is_shipped(self, code: str) -> bool:
        answer = await call(self._client, "GET", f"/api/v1/lookup/{code}")
        return answer.status_code == 200 and answer.json()["status"] in SHIPPED

    async def _help_visitors(self) -> None:
        """A visitor packs or loads on a screen and has no hands here: somebody lends them theirs.

        Our own people lay a parcel down before they scan it, so what the WMS knows of and nobody
        has touched was a visitor's.
        """
        while True:
            await self._clock.sleep(ROUND_S)
            for parcel in await self._parcels("INDUCTED"):
                await self._lay_on_conveyor(parcel["sscc"])
            for parcel in await self._parcels("LINE_HAUL"):
                self._load(parcel["sscc"], site=parcel["site"])

    async def _parcels(self, status: str) -> list[dict[str, Any]]:
        query = {"status": status}
        answer = await call(self._client, "GET", "/console/v1/parcels", params=query)
        return list(answer.json()) if answer.status_code == 200 else []

    async def _relabel(self) -> None:
        """Parcels in the hospital lane get a fresh label and go round again."""
        while True:
            await self._clock.sleep(RELABEL_S)
            for code in self._conveyor.lane(HOSPITAL):
                await self._conveyor.relabel(code)


def _tags(codes: list[str]) -> list[str]:
    return [sscc_to_epc_hex(code, COMPANY_PREFIX_DIGITS) for code in codes]
