"""An order system that says the orders of a day at their times, once each.

It knows how far it has come (so a restart goes on), asks again with the same id until there is
an answer, and remembers refusals: an order that the WMS will not take is the shop's problem, not
a reason to stop.
"""

from collections.abc import Sequence

import httpx2
import structlog

from edge.clock import Clock
from simulators.day import Call
from simulators.memory import Memory
from simulators.wire import call

log = structlog.get_logger()


class OrderSystem:
    """The shop's side of the OMS API."""

    def __init__(
        self, calls: Sequence[Call], client: httpx2.AsyncClient, clock: Clock, memory: Memory
    ) -> None:
        self._calls = calls
        self._client = client
        self._clock = clock
        self._memory = memory

    @property
    def said(self) -> int:
        """How many calls have been answered."""
        return int(self._memory.get("oms", "said") or 0)

    async def run(self) -> None:
        """Say everything that is still to say, each at its time; returns when all is said."""
        for number in range(self.said, len(self._calls)):
            one = self._calls[number]
            wait_s = (one.at - self._clock.now()).total_seconds()
            if wait_s > 0:
                await self._clock.sleep(wait_s)
            answer = await call(self._client, one.method, one.path, json=one.body)
            if answer.status_code >= 400:
                log.warning("order.refused", path=one.path, body=answer.text[:500])
                self._memory.put("refused", one.path, answer.status_code)
            self._memory.put("oms", "said", number + 1)
        log.info("oms.done", calls=len(self._calls))
