"""The yard and the dock: trucks come, are unloaded through a gate, received and put away.

    supplier ── ASN ──> WMS          truck ── pallets, totes ──> GATE-DOCK ──> dock ──> places
                                       └──── loose goods ──> counted, labelled ─┘  └──> robots

What the gate has seen is received by that; what it has missed, and what lies loose, the dock worker
scans. Between trucks the same person puts away and counts. What is done of a truck is written down,
so a killed world goes on where it was.

Seconds are of the day's clock.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2
import structlog

from edge.clock import Clock
from edge.gs1 import sscc_to_epc_hex
from simulators.benches import DOCK_PRINTER, Benches
from simulators.memory import Memory
from simulators.network import HUB
from simulators.people import IDLE_S, Deed, Eyes, Hands, Operator, Step, Worker
from simulators.reader import GateReader
from simulators.trucks import PREFIX, UNLOADED_S, Truck
from simulators.wire import call

log = structlog.get_logger()

DOOR = "D-1"
DOCK_TEAM = ("putaway", "count")
GATE_S = 10.0  # to drive a pallet through
JUDGED_S = 240.0  # the gate's word comes that much later, if it comes
SCAN_S, CHOOSE_S = 9.0, 6.0


class Yard:
    """The trucks of a day, and who receives them."""

    def __init__(  # noqa: PLR0913 - the pieces of a dock
        self,
        trucks: Sequence[Truck],
        *,
        gate: GateReader,
        benches: Benches,
        client: httpx2.AsyncClient,
        clock: Clock,
        memory: Memory,
        hands: Hands,
        eyes: Eyes,
    ) -> None:
        self._trucks = trucks
        self._gate = gate
        self._benches = benches
        self._client = client
        self._clock = clock
        self._memory = memory
        self._eyes = eyes
        dock = Operator("dock-1", HUB, DOCK_TEAM)
        self._worker = Worker(dock, client, clock, hands, self.see)
        self._here: Truck | None = None

    async def run(self) -> None:
        """Announce, receive, put away, until cancelled."""
        await self._announce()
        while True:
            truck = next((each for each in self._trucks if self._is_due(each)), None)
            if truck is not None:
                await self._unload(truck)
            elif not await self._worker.next_packet():
                await self._clock.sleep(IDLE_S)

    async def see(
        self, operator: Operator, packet: dict[str, Any], step: Step
    ) -> list[Deed] | None:
        """What somebody does at a truck; anything else as everybody does it."""
        if packet["kind"] != "inbound" or self._here is None:
            return await self._eyes(operator, packet, step)
        deeds: list[Deed] | None = None
        match step["say"]["code"]:
            case "inbound.scan_anything":
                deeds = [await self._next(self._here)]
            case "inbound.whole_unit" if not await self._is_expected(self._here, step):
                deeds = [Deed("undo", None, CHOOSE_S)]  # the gate has said so meanwhile
            case "inbound.print_label":
                await self._label(step)
                deeds = [Deed("choice", "ok", CHOOSE_S)]
            case "inbound.scan_unit":
                deeds = await self._benches.scan_label(DOCK_PRINTER, step)
            case "inbound.finish":
                deeds = [Deed("choice", "CLOSE", CHOOSE_S)]
            case _:
                pass
        return deeds

    async def _announce(self) -> None:
        await self._say("PUT", f"/inbound/v1/doors/{HUB}/{DOOR}", {})
        for truck in self._trucks:
            await self._say("PUT", f"/inbound/v1/asns/{truck.id}", truck.announcement())
            slot = {
                "site": HUB, "door": DOOR, "asn_id": str(truck.id), "carrier": truck.supplier,
                "starts_at": truck.at.isoformat(),
                "ends_at": (truck.at + timedelta(seconds=UNLOADED_S)).isoformat(),
            }  # fmt: skip
            await self._say("PUT", f"/inbound/v1/appointments/{truck.id}", slot)

    def _is_due(self, truck: Truck) -> bool:
        done = self._memory.get("truck", truck.number) == "done"
        return not done and truck.at <= self._clock.now()

    async def _unload(self, truck: Truck) -> None:
        """Through the gate, once; then with the handheld, until the delivery is closed."""
        at = f"/console/v1/appointments/{HUB}/{truck.id}"
        if self._memory.get("truck", truck.number) is None:
            await self._say("POST", f"{at}:check-in", _command(truck, "here"))
            self._memory.put("truck", truck.number, "gate")
            tags = [sscc_to_epc_hex(code, len(PREFIX)) for code in truck.codes]
            await self._gate.carry(tags, "IN", GATE_S)
            await self._clock.sleep(JUDGED_S)
        self._here = truck
        while (await self._asn(truck))["state"] in {"EXPECTED", "ARRIVED"}:
            if not await self._worker.start("inbound", truck.number):
                await self._clock.sleep(IDLE_S)
        self._here = None
        await self._say("POST", f"{at}:done", _command(truck, "gone"))
        self._memory.put("truck", truck.number, "done")

    async def _next(self, truck: Truck) -> Deed:
        """What stands at the dock and was not received yet, or that there is nothing more."""
        asn = await self._asn(truck)
        expected = [each["code"] for each in asn["units"] if each["state"] == "EXPECTED"]
        if expected:
            return Deed("scan", f"00{expected[0]}", SCAN_S)
        came = {each["line_no"]: each["received"] + each["held"] for each in asn["lines"]}
        for each in truck.freight:
            if each.kind == "LOOSE" and not came[each.line_no]:
                return Deed("scan", each.sku.gtin, SCAN_S)
        return Deed("exception", {"code": "finish"}, CHOOSE_S)

    async def _is_expected(self, truck: Truck, step: Step) -> bool:
        """Whether the unit that a step is about was not received yet."""
        asn = await self._asn(truck)
        return any(
            unit["code"] == _sscc(step) and unit["state"] == "EXPECTED" for unit in asn["units"]
        )

    async def _label(self, step: Step) -> None:
        code = _sscc(step)
        job = uuid5(NAMESPACE_URL, f"soko/demo/label/{code}")
        await self._benches.want_label(job, DOCK_PRINTER, code)

    async def _asn(self, truck: Truck) -> dict[str, Any]:
        answer = await call(self._client, "GET", f"/inbound/v1/asns/{truck.id}")
        found: dict[str, Any] = answer.json()
        return found

    async def _say(self, method: str, path: str, body: dict[str, Any]) -> None:
        answer = await call(self._client, method, path, json=body)
        if answer.status_code >= 400:
            log.warning("yard.refused", path=path, body=answer.text[:300])


def _command(truck: Truck, what: str) -> dict[str, str]:
    return {"command_id": str(uuid5(NAMESPACE_URL, f"soko/demo/{truck.number}/{what}"))}


def _sscc(step: Step) -> str:
    """The unit that a step is about."""
    return next(str(fact["value"]) for fact in step["facts"] if fact["label"] == "sscc")
