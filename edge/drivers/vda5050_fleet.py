"""The robots of a site over MQTT: moves bytes between the bus and one session a robot.

What is said and when is decided by edge.drivers.vda5050, which knows no wire. Here a state is a
complete statement, so of several that wait for one robot only the latest is read: a flood of
states costs reading, never delay. How long an answer may take is a matter of the network and so
of real time; the sessions get it in seconds of the clock.

Laws:
    first words    each robot is asked for its state and factsheet when we connect, and when it
                   comes on-line or is heard for the first time
    safe to repeat a drive or cancel that is told again changes nothing
    remembered     what is wanted of the robots outlives a lost broker; it is told on the next
                   state of the robot

Source: VDA 5050 version 2.1.0, section 6.2: QoS 0, but 1 for `connection`.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_order import Robot, Send
from edge.messages import CancelDrive, DeviceCommand, DeviceStatus, Drive, TellAgain
from edge.mqtt import Bus, Message, PahoBus, robot_topic, robots_filter

log = structlog.get_logger(__name__)

ANSWER_S = 1.0  # real: how long an order may be on its way before it is said again
_TICK_S = 0.25  # real
_BROKER_S = 5.0  # real: without a broker for so long, the fleet is unavailable
_HABITS = ("stitch_actions", "instant_key", "horizon_nodes", "deviation_m", "state_every_s")


def make(
    device: Mapping[str, Any],
    site: Mapping[str, Any],
    *,
    clock: Clock,
    port_offset: int,  # noqa: ARG001 - the broker's address has it in it
    mqtt_url: str,
    state_dir: Path,  # noqa: ARG001 - robots remember their orders
) -> Driver:
    """The driver of the `[[robots]]` of a device: those that name it, or no device at all.

    Raises:
        ValueError: two robots have the same name, or the same manufacturer and serial number.
    """
    code = site["site"]["code"]
    first = next(row["name"] for row in site["devices"] if row["driver"] == "vda5050")
    robots = [
        Robot(
            name=row["name"],
            manufacturer=row["manufacturer"],
            serial=row["serial"],
            map_id=row.get("map", code),
            **{habit: row[habit] for habit in _HABITS if habit in row},
        )
        for row in site["robots"]
        if row.get("device", first) == device["name"]
    ]
    for names in ([r.name for r in robots], [(r.manufacturer, r.serial) for r in robots]):
        if len(set(names)) < len(names):
            raise ValueError(f"{device['name']}: two robots share a name")
    return Vda5050Fleet(
        device["name"],
        robots,
        clock=clock,
        url=mqtt_url,
        client_id=f"fleet-{code}-{device['name']}",
    )


class Vda5050Fleet:
    """All robots of a site."""

    def __init__(
        self, name: str, robots: list[Robot], *, clock: Clock, url: str, client_id: str
    ) -> None:
        self.name = name
        self.sessions = {robot.name: RobotSession(robot) for robot in robots}
        self._by_address = {
            (s.robot.manufacturer, s.robot.serial): s for s in self.sessions.values()
        }
        self._clock = clock
        self._url = url
        self._client_id = client_id
        self._bus: Bus | None = None
        self._say: Say | None = None
        self._waiting: dict[tuple[str, str], bytes] = {}  # (robot, topic) -> latest message
        self._arrived = asyncio.Event()

    async def run(self, say: Say) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: there is no broker, or not any more.
        """
        self._say = say
        async with PahoBus(self._url, client_id=self._client_id) as bus:
            for topic, qos in (("state", 0), ("connection", 1), ("factsheet", 0)):
                bus.subscribe(robots_filter(topic), qos=qos, handler=self._on_message)
            bus.on_connect(self._ask_all)
            self._bus = bus
            try:
                await self._until_connected(bus)
                say(self._status())
                await self._listen(bus)
            finally:
                self._bus = None

    async def tell(self, command: DeviceCommand) -> None:
        """Want a drive or a cancel of a robot, or say again what is known of all.

        Raises:
            DeviceUnavailable: there is no broker; what is wanted is remembered.
        """
        if isinstance(command, TellAgain):
            self._tell_again()
            return
        if not isinstance(command, Drive | CancelDrive):
            log.warning("fleet.refused", device=self.name, command=command.type)
            return
        session = self.sessions.get(command.robot)
        if session is None:
            log.warning("fleet.unknown_robot", device=self.name, robot=command.robot)
            return
        if isinstance(command, Drive):
            session.drive(command)
        else:
            session.cancel(command)
        self._see_to(session, self._clock.now())
        if self._bus is None or not self._bus.connected:
            raise DeviceUnavailable(self.name, f"no broker at {self._url}")

    # ------------------------------------------------------------------------------- listening
    async def _until_connected(self, bus: PahoBus) -> None:
        try:
            async with asyncio.timeout(_BROKER_S):
                await bus.until_connected()
        except TimeoutError:
            raise DeviceUnavailable(self.name, f"no broker at {self._url}") from None

    async def _listen(self, bus: Bus) -> None:
        loop = asyncio.get_running_loop()
        seen_at = ticked_at = loop.time()
        while True:
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._arrived.wait()
            except TimeoutError:
                pass
            self._read()
            if loop.time() - ticked_at >= _TICK_S:
                ticked_at = loop.time()
                self._tick()
            if bus.connected:
                seen_at = loop.time()
            elif loop.time() - seen_at > _BROKER_S:
                raise DeviceUnavailable(self.name, "the broker has gone")

    def _on_message(self, message: Message) -> None:
        parts = message.topic.split("/")  # uagv/v2/manufacturer/serial/topic, by the filter
        session = self._by_address.get((parts[2], parts[3]))
        if session is not None:
            key = (session.robot.name, parts[4])
            self._waiting.pop(key, None)  # so that what arrived last is read last
            self._waiting[key] = message.body
            self._arrived.set()

    def _read(self) -> None:
        self._arrived.clear()
        waiting, self._waiting = self._waiting, {}
        now, patience_s = self._clock.now(), self._patience_s()
        heard = {name: False for name, _topic in waiting}
        for (name, topic), body in waiting.items():
            heard[name] |= self.sessions[name].hear(topic, body, now)
        for name, has_news in heard.items():
            session = self.sessions[name]
            if has_news and (report := session.report(now, patience_s)) and self._say:
                self._say(report)
            is_first = session.states == 1 and session.factsheet is None
            if is_first or (name, "connection") in waiting:
                self._publish(session, session.questions(now))
            self._see_to(session, now)

    def _tick(self) -> None:
        now, patience_s = self._clock.now(), self._patience_s()
        for session in self.sessions.values():
            changed = session.changed(now, patience_s)
            if changed and (report := session.report(now, patience_s)) and self._say:
                log.warning("robot.changed", robot=report.robot, connected=report.connected)
                self._say(report)
            self._see_to(session, now)

    # ------------------------------------------------------------------------------- speaking
    def _see_to(self, session: RobotSession, now: datetime) -> None:
        if self._bus is None or not self._bus.connected:
            return  # what is due stays due
        if (send := session.due(now, self._patience_s())) is not None:
            self._publish(session, send)

    def _ask_all(self) -> None:
        for session in self.sessions.values():
            self._publish(session, session.questions(self._clock.now()))

    def _publish(self, session: RobotSession, send: Send) -> None:
        if self._bus is not None:
            topic = robot_topic(session.robot.manufacturer, session.robot.serial, send.kind)
            self._bus.publish(topic, send.body, qos=0)

    def _tell_again(self) -> None:
        if self._say is None or self._bus is None:
            return
        self._say(self._status())
        now, patience_s = self._clock.now(), self._patience_s()
        for session in self.sessions.values():
            if (report := session.report(now, patience_s)) is not None:
                self._say(report)

    def _status(self) -> DeviceStatus:
        return DeviceStatus(at=self._clock.now(), device=self.name, status="UP")

    def _patience_s(self) -> float:
        return ANSWER_S / self._clock.real_s(1.0)
