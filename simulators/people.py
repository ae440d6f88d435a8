"""Operators: people with a handheld who walk, scan, count and now and then err.

An operator knows the WMS only through the handheld's HTTP API: asks for the next packet, reads
what the screen wants, does it, sends the event, goes by the answer. What a person would do with
hands and feet (walk, lay a parcel on the conveyor, carry it to the van) is done in the simulated
world through `Hands`, before the scan that says so; what a person sees that no screen says (what
lies on a shelf, what a scale shows, which tote is free) comes through `Eyes`.

    scan a code         3 s, and the walk before it
    count units         2 s and 0.5 s a unit
    pack                20 s

Errors by the operator's own seed: one scan in a hundred is of the wrong thing first; one pick in
a thousand finds a piece less than the books say.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import httpx2
import structlog

from edge.clock import Clock
from simulators.wire import call

log = structlog.get_logger()

WRONG_SCANS = 0.01
SHORT_PICKS = 0.001
IDLE_S, IDLE_MAX_S = 30.0, 240.0  # virtual, between two looks for work; longer at quiet hours
SCAN_S, COUNT_S, UNIT_S, CHOOSE_S = 9.0, 2.0, 0.4, 6.0
UNIT_SECONDS_MAX = 40.0
ANY_CODE = "ANY-1"  # where any code will do


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at work: where, on what, with which device."""

    name: str
    site: str
    kinds: tuple[str, ...]
    station: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One event to send, and how long the person takes before it."""

    type: str
    value: Any
    seconds: float


Packet: TypeAlias = dict[str, Any]
Step: TypeAlias = dict[str, Any]
Hands = Callable[[Operator, Step, Deed], Awaitable[None]]
Eyes = Callable[[Operator, Packet, Step], Awaitable[list[Deed] | None]]  # None: as the screen says


async def no_eyes(_who: Operator, _packet: Packet, _step: Step) -> list[Deed] | None:
    """Somebody who sees nothing but the screen."""
    return None


def deeds(step: dict[str, Any], draw: random.Random) -> list[Deed]:
    """What a person does on a step.

    Args:
        step: as it came from the handheld API.
        draw: the operator's chance.
    """
    codes = [code for expect in step["expect"] for code in expect["codes"]]
    if step["op"] in {"choose", "confirm", "print", "photo"}:
        return [Deed("choice", codes[0] if codes else "ok", CHOOSE_S)]
    wrong = [Deed("scan", "WRONG-CODE", SCAN_S)] if draw.random() < WRONG_SCANS else []
    right = [Deed("scan", codes[0] if codes else ANY_CODE, SCAN_S)] if step["expect"] else []
    quantity = step.get("qty")
    if not quantity:
        return wrong + right
    if quantity.get("distinct") or quantity.get("open"):
        return wrong + _counted(quantity, codes, right)
    units: int = quantity["target"]
    seconds = COUNT_S + min(UNIT_SECONDS_MAX, UNIT_S * units)
    if "short" in step["allow"] and draw.random() < SHORT_PICKS:
        return [*wrong, Deed("exception", {"code": "short", "found": units - 1}, seconds)]
    if units > 1 or not right:
        right.append(Deed("qty", units, seconds))
    return wrong + right


def _counted(quantity: dict[str, Any], codes: list[str], right: list[Deed]) -> list[Deed]:
    """One scan a unit where each is another; "done" where only a person knows that it is enough."""
    target: int = quantity["target"]
    end = [Deed("choice", "done", CHOOSE_S)] if quantity.get("open") else []
    if not quantity.get("distinct"):
        return [*right, Deed("qty", target, COUNT_S), *end]
    units = codes[:target] or [f"{ANY_CODE}-{number}" for number in range(target)]
    return [*(Deed("scan", unit, SCAN_S) for unit in units), *end]


class Worker:
    """An operator at work, for ever."""

    def __init__(
        self,
        operator: Operator,
        client: httpx2.AsyncClient,
        clock: Clock,
        hands: Hands,
        eyes: Eyes = no_eyes,
    ) -> None:
        self.operator = operator
        self._client = client
        self._clock = clock
        self._hands = hands
        self._eyes = eyes
        self._draw = random.Random(operator.name)
        self._sent = 0
        self.headers = {"X-Soko-Device": f"hh-{operator.name}", "X-Soko-Operator": operator.name}

    async def run(self) -> None:
        """Work until cancelled."""
        idle_s = IDLE_S
        while True:
            if await self.next_packet():
                idle_s = IDLE_S
                continue
            await self._clock.sleep(idle_s * self._draw.uniform(0.7, 1.3))
            idle_s = min(idle_s * 2, IDLE_MAX_S)

    async def next_packet(self) -> bool:
        """Do the next packet that the handheld offers; False if there is none."""
        query = {"site": self.operator.site, "kinds": ",".join(self.operator.kinds)}
        if self.operator.station:
            query["station"] = self.operator.station
        answer = await call(
            self._client, "GET", "/api/v1/work/next", params=query, headers=self.headers
        )
        if answer.status_code != 200:
            return False
        await self.work_off(answer.json())
        return True

    async def start(self, kind: str, scanned: str) -> bool:
        """Begin something with a scan and work it off; False if it cannot be begun."""
        answer = await call(
            self._client,
            "POST",
            "/api/v1/work/start",
            json={"site": self.operator.site, "kind": kind, "scanned": scanned},
            headers=self.headers,
        )
        if answer.status_code != 200:
            log.info("work.not_begun", operator=self.operator.name, body=answer.text[:300])
            return False
        await self.work_off(answer.json())
        return True

    async def work_off(self, packet: dict[str, Any]) -> None:
        """Do the packet step by step, until it is done or taken away."""
        while packet.get("step"):
            step = next(s for s in packet["steps"] if s["id"] == packet["step"])
            seen = await self._eyes(self.operator, packet, step)
            for deed in deeds(step, self._draw) if seen is None else seen:
                await self._clock.sleep(deed.seconds * self._draw.uniform(0.8, 1.2))
                await self._hands(self.operator, step, deed)
                answer = await self._say(packet, step, deed)
                if answer is None:
                    return
                packet = answer
                if packet.get("step") != step["id"]:
                    break

    async def _say(
        self, packet: dict[str, Any], step: dict[str, Any], deed: Deed
    ) -> dict[str, Any] | None:
        """The packet after that event; None if there is no going on with it."""
        self._sent += 1
        now = self._clock.now()
        event = {
            "id": str(uuid7(now, self._draw)),
            "packet": packet["id"],
            "rev": packet["rev"],
            "step": step["id"],
            "type": deed.type,
            "value": deed.value,
            "at": now.isoformat(),
            "seq": self._sent,
            "device": self.headers["X-Soko-Device"],
        }
        answer = await call(
            self._client,
            "POST",
            "/api/v1/work/events",
            json={"events": [event]},
            headers=self.headers,
        )
        if answer.status_code != 200:
            log.warning("work.refused", operator=self.operator.name, body=answer.text[:300])
            return None
        said = answer.json()
        result = said["results"][0]
        if result["result"] == "rejected" and deed.value != "WRONG-CODE":
            log.info("work.rejected", operator=self.operator.name, problem=result.get("problem"))
            return None
        after: dict[str, Any] | None = said["packet"]
        if after is None or after["id"] != packet["id"]:
            return None
        return after


def uuid7(now: datetime, draw: random.Random) -> UUID:
    """A UUIDv7 for that moment."""
    unix_ms = int(now.timestamp() * 1000)
    return UUID(
        int=unix_ms << 80
        | 0x7 << 76
        | draw.getrandbits(12) << 64
        | 0b10 << 62
        | draw.getrandbits(62)
    )
