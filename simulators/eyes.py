"""What people at the hub see that no screen says: free totes, what lies on a shelf, their bench.

    an empty tote     is taken from the stack; two people never take the same, or nearly never
    a shelf           holds what the books say: this world has no goods of its own, so a count finds
                      what was sold and received rightly, and short picks are its only losses
    a bench           its scale and its printer (simulators.benches)
    a station         whichever is near

One object for everybody; draws are by the operator's name.
"""

import csv
import io
from collections import defaultdict
from random import Random
from typing import Any

import httpx2

from simulators.assortment import Sku
from simulators.benches import Benches
from simulators.people import Deed, Operator, Step
from simulators.wire import call

TOTES = 2000
SCAN_S, COUNT_S, CHOOSE_S = 9.0, 5.0, 6.0


class HubEyes:
    """What is seen."""

    def __init__(self, skus: list[Sku], benches: Benches, client: httpx2.AsyncClient) -> None:
        self._gtin = {sku.code: sku.gtin for sku in skus}
        self._benches = benches
        self._client = client
        self._draws: defaultdict[str, Random] = defaultdict(Random)

    async def see(self, who: Operator, packet: dict[str, Any], step: Step) -> list[Deed] | None:
        """What somebody does at a step; None: what the screen says."""
        expect = step["expect"][0] if step["expect"] else {"kind": "", "codes": []}
        say = step["say"]["code"]
        if expect["kind"] == "tote" and not expect["codes"]:
            return [Deed("scan", f"TB-{self._draw(who).randrange(TOTES):04d}", SCAN_S)]
        if say == "pack.scan_order" and expect["codes"]:
            return [Deed("scan", expect["codes"][-1], SCAN_S)]  # the tote, if there is one
        if say == "putaway.scan_station":
            station = self._draw(who).choice(step["expect"])
            return [Deed("scan", station["codes"][0], SCAN_S)]
        if say == "count.scan_items":
            return await self._count(who.site, packet["title"])
        return await self._benches.deeds(who, step)

    def _draw(self, who: Operator) -> Random:
        if who.name not in self._draws:
            self._draws[who.name] = Random(f"eyes {who.name}")
        return self._draws[who.name]

    async def _count(self, site: str, place: str) -> list[Deed]:
        """Scan and type what lies there: first what is loose, then what stands there in units."""
        query = {"site": site}
        answer = await call(self._client, "GET", "/console/v1/exports/stock.csv", params=query)
        rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        here = sorted(
            (row["unit"], row["sku"], int(row["units"])) for row in rows if row["location"] == place
        )
        deeds: list[Deed] = []
        last = ""
        for unit, sku, units in here:
            if unit != last:
                deeds.append(Deed("scan", unit, SCAN_S))
                last = unit
            deeds.append(Deed("scan", self._gtin[sku], SCAN_S))
            deeds.append(Deed("qty", units, COUNT_S))
        return [*deeds, Deed("choice", "done", CHOOSE_S)]
