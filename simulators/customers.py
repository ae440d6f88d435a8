"""Customers who collect: they read their mail, come to the store, and show the code.

A mail that says a bag is ready brings its reader to the store half an hour to two hours later, by
the reader's own chance. At the counter they know no more than the mail says: the code, and the
number of the order. Whoever was told is remembered, so a restart forgets nobody.
"""

import random
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import httpx2
import structlog

from edge.clock import Clock
from simulators.mailbox import Received
from simulators.memory import Memory
from simulators.wire import call

log = structlog.get_logger()

CODE = re.compile(r"(?:受取番号|Pickup code)\s*[:：]\s*(\d{6})")
NUMBER = re.compile(r"(?:（|to collect: )([^\s）]+)")
LOOK_S = 60.0
SOON, LATE = 30 * 60, 120 * 60  # seconds


class Customers:
    """Everybody who collects. `stores` says at which store each order waits, by its number."""

    def __init__(
        self,
        stores: dict[str, str],
        mails: Callable[[], Iterable[Received]],
        client: httpx2.AsyncClient,
        clock: Clock,
        memory: Memory,
    ) -> None:
        self._stores = stores
        self._mails = mails
        self._client = client
        self._clock = clock
        self._memory = memory

    async def run(self) -> None:
        """Read mail and go to stores until cancelled."""
        while True:
            self._read()
            for number, plan in self._memory.all("collects").items():
                if plan["at"] and datetime.fromisoformat(plan["at"]) <= self._clock.now():
                    await self._collect(number, plan["code"])
            await self._clock.sleep(LOOK_S)

    def _read(self) -> None:
        """Whoever has a mail with a code plans to come."""
        for mail in self._mails():
            code, number = CODE.search(mail.text), NUMBER.search(mail.subject)
            if code is None or number is None or self._memory.get("collects", number[1]):
                continue
            wait_s = random.Random(f"collects {number[1]}").uniform(SOON, LATE)
            at = self._clock.now() + timedelta(seconds=wait_s)
            self._memory.put("collects", number[1], {"code": code[1], "at": at.isoformat()})

    async def _collect(self, number: str, code: str) -> None:
        site = self._stores[number]
        queue = await call(self._client, "GET", f"/store/v1/{site}/queue")
        bags = [item for item in queue.json()["items"] if item["number"] == number]
        for bag in bags:
            answer = await call(
                self._client,
                "POST",
                f"/store/v1/{site}/collections/{bag['id']}:hand-over",
                json={"command_id": str(uuid5(NAMESPACE_URL, f"collects/{number}")), "code": code},
            )
            if answer.status_code >= 400:
                log.warning("collect.refused", order=number, body=answer.text[:300])
        self._memory.put("collects", number, {"code": code, "at": None})
