"""Doors, lifts and safety circuits of a building over MQTT, from the gateway of its PLC.

    {prefix}/portals/{name}/set      we say: {"session", "position", "lease_s"}
    {prefix}/portals/{name}/state    it says, retained: {"status", "session", "position", "lease_s"}
    {prefix}/circuits/{name}/state   it says, retained: {"stopped": true}
    {prefix}/online                  it says, retained, and as its last will: 1 or 0

`prefix` of the row is `soko/building/NAME` unless it says otherwise. A session has its portal for
`lease_s` seconds after it was last said; an empty one gives it back. Clocks are not compared.

Laws:
    allow-list   without `writes = ["set"]` nothing is asked for
    as it is     what it says is said up as it is; the WCS judges (wcs.portals, wcs.safety)
    known again  who asks again hears the latest of each portal and circuit

This is no safety function: doors and lifts guard people by themselves. Source: MQTT 3.1.1.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.writes import Writes
from edge.machine_messages import PortalReport, PortalStatus, PortalWanted, SafetyReport
from edge.messages import DeviceCommand, DeviceStatus, TellAgain
from edge.mqtt import Bus, Message, PahoBus, level

log = structlog.get_logger(__name__)

_BROKER_S, _TICK_S = 5.0, 0.5
_PREFIX = re.compile(r"[^+#/\s]+(/[^+#/\s]+)*")
_NAMES_MAX = 1_000
_LEASE_MAX_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Portal:
    status: PortalStatus
    session: str = ""
    position: str = ""
    lease_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Circuit:
    stopped: bool


_portal: TypeAdapter[_Portal] = TypeAdapter(_Portal)
_circuit: TypeAdapter[_Circuit] = TypeAdapter(_Circuit)


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: the prefix is no topic.
    """
    return Building(
        device, clock=around.clock, url=device.get("url", around.mqtt_url), code=around.code
    )


class Building:
    """The portals and circuits behind one gateway."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, url: str, code: str) -> None:
        self.name: str = device["name"]
        self._prefix: str = device.get("prefix", f"soko/building/{self.name}")
        if not _PREFIX.fullmatch(self._prefix):
            raise ValueError(f"{self.name}: prefix {self._prefix!r} is no topic")
        self._writes = Writes(device, ("set",))
        self._clock, self._url, self._client_id = clock, url, f"building-{code}-{self.name}"
        self._bus: Bus | None = None
        self._say: Say | None = None
        self._there = self._up = False
        self._latest: dict[tuple[str, str], PortalReport | SafetyReport] = {}
        self._counts = {"said": 0, "asked": 0, "malformed": 0}

    async def run(self, say: Say) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: there is no broker, or nobody on it, or not any more.
        """
        self._say, self._there, self._up = say, False, False
        async with PahoBus(self._url, client_id=self._client_id) as bus:
            bus.subscribe(f"{self._prefix}/online", qos=1, handler=self._on_online)
            for what in ("portals", "circuits"):
                bus.subscribe(f"{self._prefix}/{what}/+/state", qos=1, handler=self._on_state)
            self._bus = bus
            try:
                await self._watch(bus)
            finally:
                self._bus, self._up = None, False

    async def tell(self, command: DeviceCommand) -> None:
        """Ask for a portal, or say everything again.

        Raises:
            DeviceUnavailable: there is no broker.
        """
        if isinstance(command, TellAgain):
            self._say_all()
        elif not isinstance(command, PortalWanted):
            log.warning("portal.refused", device=self.name, command=command.type)
        elif self._writes.may("set", portal=command.portal):
            self._ask(command)

    def health(self) -> Mapping[str, float | int | str]:
        """What was asked, said and refused."""
        totals = {f"{name}_total": count for name, count in self._counts.items()}
        return {**totals, "writes_refused_total": self._writes.refused}

    def _ask(self, command: PortalWanted) -> None:
        if self._bus is None or not self._bus.connected:
            raise DeviceUnavailable(self.name, f"no broker at {self._url}")
        lease_s = 0.0
        if command.until_at is not None:
            lease_s = max(0.0, (command.until_at - self._clock.now()).total_seconds())
        asked = {"session": command.session, "position": command.position, "lease_s": lease_s}
        topic = f"{self._prefix}/portals/{level(command.portal)}/set"
        self._bus.publish(topic, json.dumps(asked).encode(), qos=1)
        self._counts["asked"] += 1

    async def _watch(self, bus: Bus) -> None:
        loop = asyncio.get_running_loop()
        seen_s = loop.time()
        while loop.time() - seen_s < _BROKER_S:
            if bus.connected and self._there:
                seen_s = loop.time()
            await asyncio.sleep(_TICK_S)
        why = "nobody says online" if bus.connected else f"no broker at {self._url}"
        raise DeviceUnavailable(self.name, why)

    def _say_all(self) -> None:
        if self._say is None or not self._up:
            return
        self._say(DeviceStatus(at=self._clock.now(), device=self.name, status="UP"))
        for report in self._latest.values():
            self._say(report)

    def _on_online(self, message: Message) -> None:
        self._there = message.body == b"1"
        if self._there and not self._up:
            self._up = True
            self._say_all()

    def _on_state(self, message: Message) -> None:
        assert self._say is not None
        kind, name, _ = message.topic.removeprefix(f"{self._prefix}/").split("/")
        try:
            report = self._report(kind, name, message.body)
        except ValidationError as error:
            self._counts["malformed"] += 1
            log.warning("portal.malformed", device=self.name, name=name, problem=str(error)[:300])
            return
        self._latest.pop((kind, name), None)
        self._latest[kind, name] = report
        if len(self._latest) > _NAMES_MAX:
            del self._latest[next(iter(self._latest))]
        self._counts["said"] += 1
        self._say(report)

    def _report(self, kind: str, name: str, body: bytes) -> PortalReport | SafetyReport:
        now = self._clock.now()
        if kind == "circuits":
            stopped = _circuit.validate_json(body).stopped
            return SafetyReport(at=now, device=self.name, circuit=name, stopped=stopped)
        said = _portal.validate_json(body)
        lease_s = said.lease_s
        return PortalReport(
            at=now,
            device=self.name,
            portal=name,
            status=said.status,
            session=said.session,
            position=said.position,
            until_at=None
            if lease_s is None
            else now + timedelta(seconds=min(max(lease_s, 0.0), _LEASE_MAX_S)),
        )
