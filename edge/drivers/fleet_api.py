"""Fleets that only take missions (RaaS), over HTTP or MQTT; moves bytes for fleet_missions.

    over = "http"    PUT, DELETE {path}/missions/{id}; GET {path}/missions?after=N, every `poll_s`
                     host, port, path, token_file (Bearer), tls (true unless it is said), ca
    over = "mqtt"    {prefix}/missions/{id}/set    we say: {"load", …} or {"wanted": false}
                     {prefix}/missions/{id}/state  it says
                     {prefix}/online               it says, retained, and as its last will: 1 or 0

A provider with another interface gets a few lines in front of one of these. `writes = ["missions"]`
allows missions to be given; without it the fleet is only listened to. Missions that certainly
never left are refused after `hold_s` without a connection, so that another may have them.

Units: seconds, real. Source: RFC 9110; MQTT 3.1.1.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import structlog
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.fleet_missions import Ask, Missions, Said, said
from edge.drivers.writes import Writes
from edge.machine_messages import FleetMission
from edge.messages import DeviceCommand, DeviceStatus, TellAgain
from edge.mqtt import Bus, Message, PahoBus, level

log = structlog.get_logger(__name__)

_TIMEOUT_S, _BROKER_S = 5.0, 5.0
_PREFIX = re.compile(r"[^+#/\s]+(/[^+#/\s]+)*")
_UNAUTHORIZED, _NOT_FOUND, _TOO_MANY, _SERVER = 401, 404, 429, 500


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of one `[[devices]]` row.

    Raises:
        ValueError: its settings contradict each other.
    """
    over = device.get("over", "http")
    if over == "mqtt":
        return MqttFleet(
            device, clock=around.clock, url=device.get("url", around.mqtt_url), code=around.code
        )
    if over != "http":
        raise ValueError(f"{device['name']}: over must be http or mqtt, not {over!r}")
    return HttpFleet(device, clock=around.clock, port_offset=around.port_offset)


class _News(TypedDict):
    next: int
    missions: list[Said]


_news: TypeAdapter[_News] = TypeAdapter(_News)


class _Fleet:
    """What both have: missions wanted and known."""

    def __init__(self, device: Mapping[str, Any], clock: Clock) -> None:
        self.name: str = device["name"]
        self.missions = Missions(self.name, hold_s=float(device.get("hold_s", 60.0)))
        self._writes = Writes(device, ("missions",))
        self._clock = clock
        self._say: Say | None = None
        self._up = False
        self._more = asyncio.Event()
        self._malformed = 0

    async def tell(self, command: DeviceCommand) -> None:
        """Want a mission, or say the status again."""
        if isinstance(command, TellAgain):
            self._status()
        elif not isinstance(command, FleetMission):
            log.warning("fleet.refused", device=self.name, command=command.type)
        elif self._writes.may("missions", mission=command.mission):
            known = self.missions.want(command, self._clock.now())
            if known is not None and self._say is not None:
                self._say(known)
            self._more.set()

    def health(self) -> Mapping[str, float | int | str]:
        """How many missions there are in each state, and what was not understood."""
        refused = self._writes.refused
        counts = {"malformed_total": self._malformed, "writes_refused_total": refused}
        return {**self.missions.counts(), **counts}

    def _status(self) -> None:
        if self._say is not None and self._up:
            self._say(DeviceStatus(at=self._clock.now(), device=self.name, status="UP"))

    def _give_up(self) -> None:
        for report in self.missions.unreached(self._clock.now()):
            assert self._say is not None
            self._say(report)

    def _hear(self, one: Said) -> None:
        assert self._say is not None
        if (report := self.missions.hear(one, self._clock.now())) is not None:
            self._say(report)


class HttpFleet(_Fleet):
    """A fleet behind HTTP."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, port_offset: int) -> None:
        super().__init__(device, clock)
        tls = bool(device.get("tls", True))
        scheme = "https" if tls else "http"
        host, port = device.get("host", "127.0.0.1"), device.get("port", 443) + port_offset
        self._base = f"{scheme}://{host}:{port}{device.get('path', '')}"
        self._poll_s = float(device.get("poll_s", 1.0))
        self._after = 0
        secret = Path(device["token_file"]) if "token_file" in device else None
        ca = Path(device["ca"]) if "ca" in device else None
        for name, file in (("token_file", secret), ("ca", ca)):
            if file is not None and not file.is_file():
                raise ValueError(f"{self.name}: {name} {file}: there is no such file")
        token = secret.read_text(encoding="utf-8").strip() if secret else ""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._verify = ssl.create_default_context(cafile=ca) if tls else False

    async def run(self, say: Say) -> None:
        """Give missions and ask for news until cancelled.

        Raises:
            DeviceUnavailable: the provider cannot be reached, or does not answer as it should.
        """
        self._say, self._up = say, False
        try:
            async with httpx2.AsyncClient(
                base_url=self._base, headers=self._headers, timeout=_TIMEOUT_S, verify=self._verify
            ) as client:
                while True:
                    await self._news(client)
                    if not self._up:
                        self._up = True
                        self._status()
                    self._more.clear()
                    for ask in [*self.missions.due()]:
                        await self._ask(client, ask)
                    await self._rest()
        except (httpx2.HTTPError, ValueError) as error:
            self._give_up()
            raise DeviceUnavailable(self.name, f"{self._base}: {error!r}"[:300]) from error

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._more.wait()
        except TimeoutError:
            return

    async def _news(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/missions", params={"after": self._after})
        answer.raise_for_status()
        news = _news.validate_python(answer.json())
        for one in news["missions"]:
            self._hear(one)
        self._after = news["next"]

    async def _ask(self, client: httpx2.AsyncClient, ask: Ask) -> None:
        before, path = self.missions.has_left(ask.id), f"/missions/{quote(ask.id, safe='')}"
        self.missions.left(ask.id)
        try:
            if ask.kind == "put":
                answer = await client.put(path, json=ask.body)
            else:
                answer = await client.delete(path)
        except httpx2.ConnectError:
            self.missions.stayed(ask.id, before=before)
            raise
        status = answer.status_code
        if status in (_UNAUTHORIZED, _TOO_MANY) or status >= _SERVER:
            answer.raise_for_status()
        if answer.is_success:
            self._hear(said.validate_python(answer.json()))
        elif ask.kind == "put" or status == _NOT_FOUND:
            reason = f"{status}: {answer.text[:200]}"
            self._hear(Said(id=ask.id, state="REFUSED", reason=reason))


class MqttFleet(_Fleet):
    """A fleet on a broker."""

    def __init__(self, device: Mapping[str, Any], *, clock: Clock, url: str, code: str) -> None:
        super().__init__(device, clock)
        self._prefix: str = device.get("prefix", f"soko/fleet/{self.name}")
        if not _PREFIX.fullmatch(self._prefix):
            raise ValueError(f"{self.name}: prefix {self._prefix!r} is no topic")
        self._again_s = float(device.get("poll_s", 5.0))
        self._url, self._client_id = url, f"missions-{code}-{self.name}"
        self._there = False

    async def run(self, say: Say) -> None:
        """Give missions and listen until cancelled.

        Raises:
            DeviceUnavailable: there is no broker, or the provider says that it is away.
        """
        self._say, self._up, self._there = say, False, False
        try:
            async with PahoBus(self._url, client_id=self._client_id) as bus:
                bus.subscribe(f"{self._prefix}/online", qos=1, handler=self._on_online)
                bus.subscribe(f"{self._prefix}/missions/+/state", qos=1, handler=self._on_state)
                await self._until_there()
                self._up = True
                self._status()
                while self._there and bus.connected:
                    self._more.clear()
                    for ask in [*self.missions.due()]:
                        self._publish(bus, ask)
                    try:
                        async with asyncio.timeout(self._again_s):
                            await self._more.wait()
                    except TimeoutError:
                        continue
        finally:
            self._up = False
            self._give_up()
        raise DeviceUnavailable(self.name, "it has gone, or the broker has")

    async def _until_there(self) -> None:
        try:
            async with asyncio.timeout(_BROKER_S):
                while not self._there:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise DeviceUnavailable(self.name, f"nobody says online at {self._prefix}") from None

    def _publish(self, bus: Bus, ask: Ask) -> None:
        try:
            topic = f"{self._prefix}/missions/{level(ask.id)}/set"
        except ValueError as error:
            self._hear(Said(id=ask.id, state="REFUSED", reason=str(error)))
            return
        self.missions.left(ask.id)
        bus.publish(topic, json.dumps(ask.body).encode(), qos=1)

    def _on_online(self, message: Message) -> None:
        self._there = message.body == b"1"
        self._more.set()

    def _on_state(self, message: Message) -> None:
        try:
            one = said.validate_json(message.body)
        except ValidationError as error:
            self._malformed += 1
            log.warning("fleet.malformed", device=self.name, problem=str(error)[:300])
            return
        self._hear(one)
