"""Pick-to-light over MQTT: a shelf or put wall of lights with a button each.

    {prefix}/{light}/set       we say, retained: {"colour", "text", "blinking", "command"}
    {prefix}/{light}/pressed   it says: {"press", "units"?, "command"?}    press counts up
    {prefix}/{light}/online    it says, retained, and as its last will: 1 or 0

`prefix` of the row is `soko/lights/NAME` unless it says otherwise. Light modules of any maker are
brought in by a few lines in their gateway, or speak it themselves.

Laws:
    as wanted    what a light shall show is retained, and said again to one that says it is back:
                 a broker may pass a retained message by a subscriber of that very moment
    once         a press that the broker delivers twice (same `press`) is said once
    allow-list   without `writes = ["set"]` lights are only listened to
    in time      a ShowLight whose time is over is not sent

Units: seconds, real. Source: MQTT 3.1.1.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.writes import Writes
from edge.messages import DeviceCommand, DeviceStatus, LightPressed, ShowLight, TellAgain
from edge.mqtt import Bus, Message, PahoBus, level

log = structlog.get_logger(__name__)

_BROKER_S, _TICK_S = 5.0, 0.5
_PREFIX = re.compile(r"[^+#/\s]+(/[^+#/\s]+)*")
LIGHTS_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pressed:
    press: int
    units: int | None = None
    command: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    colour: str
    text: str
    blinking: bool
    command: UUID | None


_pressed: TypeAdapter[_Pressed] = TypeAdapter(_Pressed)
_shown: TypeAdapter[_Shown] = TypeAdapter(_Shown)


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: the prefix is no topic.
    """
    return Lights(
        device, clock=around.clock, url=device.get("url", around.mqtt_url), code=around.code
    )


class Lights:
    """The lights of one shelf."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, url: str, code: str) -> None:
        self.name: str = device["name"]
        self._prefix: str = device.get("prefix", f"soko/lights/{self.name}")
        if not _PREFIX.fullmatch(self._prefix):
            raise ValueError(f"{self.name}: prefix {self._prefix!r} is no topic")
        self._writes = Writes(device, ("set",))
        self._clock, self._url = clock, url
        self._client_id = f"lights-{code}-{self.name}"
        self._bus: Bus | None = None
        self._say: Say | None = None
        self._status: DeviceStatus | None = None
        self._offline: set[str] = set()
        self._wanted: dict[str, bytes] = {}  # by topic, what was said last
        self._press: dict[str, int] = {}  # by light, the last that was said
        self._counts = {"presses": 0, "shown": 0, "malformed": 0}

    async def run(self, say: Say) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: there is no broker, or not any more.
        """
        self._say, self._status = say, None
        async with PahoBus(self._url, client_id=self._client_id) as bus:
            for what in ("pressed", "online"):
                bus.subscribe(f"{self._prefix}/+/{what}", qos=1, handler=self._hear)
            try:
                async with asyncio.timeout(_BROKER_S):
                    await bus.until_connected()
            except TimeoutError:
                raise DeviceUnavailable(self.name, f"no broker at {self._url}") from None
            self._bus = bus
            try:
                self._tell_status()
                await self._watch(bus)
            finally:
                self._bus = None

    async def tell(self, command: DeviceCommand) -> None:
        """Show something at a light, or say the status again.

        Raises:
            DeviceUnavailable: there is no broker.
        """
        if isinstance(command, TellAgain):
            if self._say is not None and self._status is not None:
                self._say(self._status)
        elif not isinstance(command, ShowLight):
            log.warning("lights.refused", device=self.name, command=command.type)
        elif command.expires_at is not None and self._clock.now() >= command.expires_at:
            log.warning("light.expired", device=self.name, light=command.light)
        elif self._writes.may("set", light=command.light):
            self._show(command)

    def health(self) -> Mapping[str, float | int | str]:
        """What was shown, pressed and refused, and how many lights are away."""
        totals = {f"{name}_total": count for name, count in self._counts.items()}
        refused = self._writes.refused
        return {**totals, "offline": len(self._offline), "writes_refused_total": refused}

    def _show(self, command: ShowLight) -> None:
        if self._bus is None or not self._bus.connected:
            raise DeviceUnavailable(self.name, f"no broker at {self._url}")
        shown = _Shown(
            colour=command.colour,
            text=command.text,
            blinking=command.blinking,
            command=command.command,
        )
        try:
            topic = f"{self._prefix}/{level(command.light)}/set"
        except ValueError as error:
            log.warning("light.unknown", device=self.name, problem=str(error))
            return
        self._wanted.pop(topic, None)
        self._wanted[topic] = _shown.dump_json(shown)
        if len(self._wanted) > LIGHTS_MAX:
            del self._wanted[next(iter(self._wanted))]
        self._bus.publish(topic, self._wanted[topic], qos=1, retain=True)
        self._counts["shown"] += 1

    def _show_again(self, light: str) -> None:
        topic = f"{self._prefix}/{light}/set"
        if self._bus is not None and topic in self._wanted:
            self._bus.publish(topic, self._wanted[topic], qos=1, retain=True)

    async def _watch(self, bus: Bus) -> None:
        loop = asyncio.get_running_loop()
        seen_s = loop.time()
        while loop.time() - seen_s < _BROKER_S:
            seen_s = loop.time() if bus.connected else seen_s
            await asyncio.sleep(_TICK_S)
        raise DeviceUnavailable(self.name, f"no broker at {self._url}")

    def _hear(self, message: Message) -> None:
        assert self._say is not None
        light, _, what = message.topic.removeprefix(f"{self._prefix}/").partition("/")
        if what == "online":
            if message.body == b"1":
                self._offline.discard(light)
                self._show_again(light)
            elif len(self._offline) < LIGHTS_MAX:
                self._offline.add(light)
            self._tell_status()
            return
        try:
            pressed = _pressed.validate_json(message.body)
        except ValidationError as error:
            self._counts["malformed"] += 1
            log.warning("light.malformed", device=self.name, light=light, problem=str(error)[:300])
            return
        if self._press.get(light) == pressed.press:
            return
        self._press.pop(light, None)
        self._press[light] = pressed.press
        if len(self._press) > LIGHTS_MAX:
            del self._press[next(iter(self._press))]
        self._counts["presses"] += 1
        self._say(
            LightPressed(
                at=self._clock.now(),
                device=self.name,
                light=light,
                units=pressed.units,
                command=pressed.command,
            )
        )

    def _tell_status(self) -> None:
        assert self._say is not None
        some = sorted(self._offline)[:5]
        more = f" and {len(self._offline) - 5} more" if len(self._offline) > 5 else ""  # noqa: PLR2004
        detail = f"lights away: {', '.join(some)}{more}" if some else ""
        if self._status is None or self._status.detail != detail:
            self._status = DeviceStatus(
                at=self._clock.now(),
                device=self.name,
                status="FAULT" if detail else "UP",
                detail=detail,
            )
            self._say(self._status)
