"""The hub's packing benches: a scale, a label printer, and a person who looks at both.

    bench 1 to 5      pack-n weighs on scale-n and prints on PRN-n
    the dock          dock-n prints on PRN-DOCK

The scales speak MT-SICS to the edge, the printers take ZPL from the WMS: real ones could stand
there. The person lays the parcel on the scale and waits until the screen shows its weight; takes
it off; waits for the label, and scans what was really printed (simulators.label_reader). A label
that does not come is asked for again, and in the end scanned from the screen.

Seconds are real: scales, printers and networks do not hurry for a demo's clock.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from random import Random
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx2

from simulators.label_reader import codes_on
from simulators.network import HUB
from simulators.people import Deed, Operator
from simulators.printer import PrinterServer
from simulators.scale import ScaleServer
from simulators.wire import call

BENCHES = 5
DOCK_PRINTER, FIRST_PRINTER_PORT = "PRN-DOCK", 19101
LOOK_S, WEIGHT_S, LABEL_S = 0.1, 5.0, 8.0
SCALE_EVERY_S = 0.05
TRIES_MAX = 3  # labels asked for, before somebody types
TAPE = 0.015  # a parcel weighs that share more or less than it should
PACK_S, TYPE_S, SCAN_S = 6.0, 8.0, 9.0  # virtual, as people take their time


def printer_ports(offset: int) -> dict[str, int]:
    """The hub's printers by name."""
    names = [*(f"PRN-{number}" for number in range(1, BENCHES + 1)), DOCK_PRINTER]
    return {name: FIRST_PRINTER_PORT + offset + at for at, name in enumerate(names)}


class Benches:
    """All of them, alive."""

    def __init__(
        self,
        scales: Mapping[str, int],
        printers: Mapping[str, int],
        client: httpx2.AsyncClient,
        *,
        weight_s: float = WEIGHT_S,
    ) -> None:
        self._weight_s = weight_s
        self._scales = {
            name: ScaleServer(port, number=name, every_s=SCALE_EVERY_S)
            for name, port in scales.items()
        }
        self._printers = {name: PrinterServer(port) for name, port in printers.items()}
        self._client = client
        self._draw = Random("benches")
        self._tries: dict[str, int] = {}
        self._trays: dict[str, list[str]] = {name: [] for name in self._printers}
        self._up = AsyncExitStack()

    async def __aenter__(self) -> Self:
        with ExitStack() as printers:
            for printer in self._printers.values():
                printers.enter_context(printer)
            for scale in self._scales.values():
                await self._up.enter_async_context(scale)
            self._up.enter_context(printers.pop_all())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._up.aclose()

    @property
    def ports(self) -> dict[str, int]:
        """Where scales and printers listen."""
        scales = {name: scale.port for name, scale in self._scales.items()}
        return scales | {name: printer.port for name, printer in self._printers.items()}

    async def deeds(self, operator: Operator, step: dict[str, Any]) -> list[Deed] | None:
        """What a packer does at their bench; None: what anybody would."""
        team, _, number = operator.name.partition("-")
        if team != "pack" or operator.site != HUB:
            return None
        match step["say"]["code"]:
            case "pack.weigh":
                return await self._weigh(f"scale-{number}", step["qty"]["target"])
            case "pack.print_label":
                self._scales[f"scale-{number}"].put(0)
            case "pack.scan_label":
                return await self.scan_label(f"PRN-{number}", step)
            case _:
                pass
        return None

    async def _weigh(self, name: str, should_be_g: int) -> list[Deed]:
        """By the scale; typed, if the screen shows nothing."""
        grams = round(should_be_g * self._draw.uniform(1 - TAPE, 1 + TAPE))
        scale = self._scales[name]
        scale.put(0)
        await self._shown(name, 0)
        scale.put(grams)
        if await self._shown(name, grams):
            return [Deed("choice", "done", PACK_S)]
        return [Deed("qty", grams, TYPE_S), Deed("choice", "done", PACK_S)]

    async def _shown(self, name: str, grams: int) -> bool:
        """Wait until the screen shows that weight at rest."""
        until = asyncio.get_running_loop().time() + self._weight_s
        while asyncio.get_running_loop().time() < until:
            answer = await call(self._client, "GET", f"/console/v1/scales/{HUB}")
            shown = {each["scale"]: each for each in answer.json()}
            if name in shown and (shown[name]["grams"], shown[name]["stable"]) == (grams, True):
                return True
            await asyncio.sleep(LOOK_S)
        return False

    async def scan_label(self, printer: str, step: dict[str, Any]) -> list[Deed]:
        """Scan the label that the step wants; have it printed again if it does not come."""
        wanted = step["expect"][0]["codes"][0]
        until = asyncio.get_running_loop().time() + LABEL_S
        while asyncio.get_running_loop().time() < until:
            if text := self._take(printer, wanted):
                return [Deed("scan", text, SCAN_S)]
            await asyncio.sleep(LOOK_S)
        self._tries[wanted] = self._tries.get(wanted, 0) + 1
        if self._tries[wanted] < TRIES_MAX and "label_torn" in step["allow"]:
            return [Deed("exception", {"code": "label_torn"}, TYPE_S)]
        return [Deed("scan", wanted, TYPE_S)]

    def _take(self, printer: str, wanted: str) -> str:
        """The code on that label, taken from the tray; "" if it is not there."""
        printed, tray = self._printers[printer].labels, self._trays[printer]
        while printed:
            tray += codes_on(printed.pop(0))
        found = next((text for text in tray if text.endswith(wanted)), "")
        if found:
            tray.remove(found)
        return found

    async def want_label(self, job: UUID, printer: str, code: str) -> None:
        """Have the label of a pallet or tote printed, as a button on the handheld does."""
        codes = [{"symbology": "GS1_128", "text": f"(00){code}"}]
        label = {"kind": "LABEL", "label": "LPN", "title": code, "codes": codes}
        body = {"site": HUB, "printer": printer, "labels": [label]}
        await call(self._client, "PUT", f"/console/v1/print-jobs/{job}", json=body)
