"""Store staff: a clerk who looks at the store's queue and does what is on top.

    TO_ACCEPT    accept it
    ACCEPTED     prepare it: the packet comes to the clerk's handheld, and is worked off

When the queue wants nothing, the clerk does what the handheld offers: parcels to send or to take
in, goods to put back, shelves to fill. All of it through the public API, as any screen would.
"""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx2

from edge.clock import Clock
from simulators.people import IDLE_S, Eyes, Hands, Operator, Worker
from simulators.wire import call

KINDS = (
    "collect", "floor", "putback", "receive", "handoff", "replenish", "load", "pack", "pick",
    "return", "putaway", "count",
)  # fmt: skip
LOOK_S = 5.0  # virtual: walking to the screen and back
QUIET_S = 10 * IDLE_S  # a store is not a warehouse: between two looks there are customers


class Clerk:
    """One person in a store."""

    def __init__(
        self, site: str, client: httpx2.AsyncClient, clock: Clock, hands: Hands, eyes: Eyes
    ) -> None:
        self._site = site
        self._client = client
        self._clock = clock
        clerk = Operator(f"clerk-{site.lower()}", site, KINDS)
        self._worker = Worker(clerk, client, clock, hands, eyes)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if not (await self._queue() or await self._worker.next_packet()):
                await self._clock.sleep(QUIET_S)

    async def _queue(self) -> bool:
        """Do one thing of the queue; False if it wants nothing of us."""
        answer = await call(self._client, "GET", f"/store/v1/{self._site}/queue")
        for item in answer.json()["items"]:
            act = {"TO_ACCEPT": "accept", "ACCEPTED": "prepare"}.get(item["state"])
            if act is None or item["kind"] not in {"COLLECT", "RESERVE"}:
                continue
            await self._clock.sleep(LOOK_S)
            said = await self._act(item["id"], act)
            if said is None:
                continue  # the world has moved on, or no slot is free: the next one, then
            if packet := said.get("packet"):
                await self._worker.work_off(packet)
            return True
        return False

    async def _act(self, collection: str, act: str) -> dict[str, Any] | None:
        answer = await call(
            self._client,
            "POST",
            f"/store/v1/{self._site}/collections/{collection}:{act}",
            json={"command_id": str(uuid5(NAMESPACE_URL, f"clerk/{collection}/{act}"))},
            headers=self._worker.headers,
        )
        said: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return said
