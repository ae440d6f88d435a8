"""The robots of a site over MQTT: moves bytes between the bus and one session a robot.

What is said and when is decided by edge.drivers.vda5050, which knows no wire. Here a state is a
complete statement, so of several that wait for one robot only the latest two are read: a flood of
states costs reading, never delay. How long an answer may take is a matter of the network and so
of real time; the sessions get it in seconds of the clock.

Laws:
    first words    each robot is asked for its state and factsheet when we connect, and when it
                   comes on-line or is heard for the first time
    safe to repeat a drive or cancel that is told again changes nothing
    remembered     what is wanted of the robots outlives a lost broker; it is told on the next
                   state of the robot

    any version    a robot is answered on the topics that it speaks on, v2 or v3

Source: VDA 5050 version 2.1.0, section 6.2: QoS 0, but 1 for `connection`.
"""

import asyncio
import itertools
import statistics
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from edge.clock import Clock
from edge.drivers import DeviceUnavailable, Driver, Say
from edge.drivers.around import Around
from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_order import Send
from edge.drivers.vda5050_profile import Robot, robots_of
from edge.drivers.vda5050_wire import parse_topic, topic
from edge.drivers.vda5050_zones import Answer, Leases
from edge.messages import (
    CancelDrive,
    DeviceCommand,
    DeviceStatus,
    Drive,
    PauseRobot,
    TellAgain,
)
from edge.mqtt import Bus, Message, PahoBus

log = structlog.get_logger(__name__)

ANSWER_S = 1.0  # real: how long an order may be on its way before it is said again
_TICK_S = 0.25  # real
_BROKER_S = 5.0  # real: without a broker for so long, the fleet is unavailable
_ANSWERS = 200  # orders whose answers the median is of
_SAID_MAX = 4  # messages to one robot at once
LEASE_S = 20.0  # real: at least so long a robot may have a zone without hearing from us


def make(device: Mapping[str, Any], around: Around) -> Driver:
    """The driver of the `[[robots]]` of a device: those that name it, or no device at all.

    Raises:
        ValueError: with all that is wrong with its profiles, zone sets and robots.
    """
    lease_s = device.get("lease_s", LEASE_S)
    if type(lease_s) not in (int, float) or lease_s <= 0:
        raise ValueError(f"{device['name']}: lease_s should be a number above 0, not {lease_s!r}")
    return Vda5050Fleet(
        device["name"],
        robots_of(device, around.site),
        clock=around.clock,
        url=around.mqtt_url,
        client_id=f"fleet-{around.code}-{device['name']}",
        lease_s=lease_s,
    )


class Vda5050Fleet:
    """All robots of a site."""

    def __init__(
        self,
        name: str,
        robots: list[Robot],
        *,
        clock: Clock,
        url: str,
        client_id: str,
        lease_s: float = LEASE_S,
    ) -> None:
        self.name = name
        self.sessions = {robot.name: RobotSession(robot) for robot in robots}
        self.leases = Leases(
            lease_s=lease_s,
            patience_s=ANSWER_S,
            robots=frozenset(robot.name for robot in robots if robot.shares_zones),
            started_at=clock.now(),
        )
        self._lease_s = lease_s
        self._interfaces = sorted({robot.interface for robot in robots})
        self._by_address = {
            (s.robot.manufacturer, s.robot.serial): s for s in self.sessions.values()
        }
        self._clock = clock
        self._url = url
        self._client_id = client_id
        self._bus: Bus | None = None
        self._say: Say | None = None
        # (robot, topic) -> the latest two messages and their versions: two show a twin, one not
        self._waiting: dict[tuple[str, str], deque[tuple[int, bytes]]] = {}
        self._arrived = asyncio.Event()
        self._sent = 0
        self._ordered_at: dict[str, float] = {}  # robot -> since when its order has no answer
        self._answers_s: deque[float] = deque(maxlen=_ANSWERS)

    async def run(self, say: Say) -> None:
        """Listen until cancelled.

        Raises:
            DeviceUnavailable: there is no broker, or not any more.
        """
        self._say = say
        async with PahoBus(self._url, client_id=self._client_id) as bus:
            for kind, qos in (("state", 0), ("connection", 1), ("factsheet", 0)):
                for interface, major in itertools.product(self._interfaces, (2, 3)):
                    names = topic("+", "+", kind, major=major, interface=interface)
                    bus.subscribe(names, qos=qos, handler=self._on_message)
            bus.on_connect(self._ask_all)
            self._bus = bus
            try:
                await self._until_connected(bus)
                say(self._status())
                await self._listen(bus)
            finally:
                self._bus = None

    async def tell(self, command: DeviceCommand) -> None:
        """Want a drive, a cancel or a pause of a robot, or say again what is known of all.

        Raises:
            DeviceUnavailable: there is no broker; what is wanted is remembered.
        """
        if isinstance(command, TellAgain):
            self._tell_again()
            return
        if not isinstance(command, Drive | CancelDrive | PauseRobot):
            log.warning("fleet.refused", device=self.name, command=command.type)
            return
        session = self.sessions.get(command.robot)
        if session is None:
            log.warning("fleet.unknown_robot", device=self.name, robot=command.robot)
            return
        if isinstance(command, Drive):
            session.drive(command)
        elif isinstance(command, PauseRobot):
            session.pause(command)
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
        place = parse_topic(message.topic)  # it is one, by the filter
        session = self._by_address.get((place.manufacturer, place.serial))
        if session is not None:
            key = (session.robot.name, place.kind)
            said = self._waiting.pop(key, None) or deque(maxlen=2)
            said.append((place.major, message.body))
            self._waiting[key] = said  # so that what arrived last is read last
            self._arrived.set()

    def _read(self) -> None:
        self._arrived.clear()
        waiting, self._waiting = self._waiting, {}
        now, patience_s = self._clock.now(), self._patience_s()
        heard = {name: False for name, _kind in waiting}
        for (name, kind), said in waiting.items():
            for major, body in said:
                heard[name] |= self.sessions[name].hear(kind, body, now, major)
        for name, has_news in heard.items():
            session = self.sessions[name]
            if has_news and (report := session.report(now, patience_s)) and self._say:
                self._say(report)
            is_first = session.states == 1 and session.factsheet is None
            if is_first or (name, "connection") in waiting:
                self._publish(session, session.questions(now))
            if (name, "state") in waiting:
                self.leases.hear(name, session.requests(), now)
                if name in self._ordered_at and session.has_drive:
                    self._answers_s.append(time.monotonic() - self._ordered_at.pop(name))
            self._tell_conduct(session, now)
            self._see_to(session, now)
        self._answer(now)

    def _tick(self) -> None:
        now, patience_s = self._clock.now(), self._patience_s()
        for session in self.sessions.values():
            changed = session.changed(now, patience_s)
            if changed and (report := session.report(now, patience_s)) and self._say:
                log.warning("robot.changed", robot=report.robot, connected=report.connected)
                self._say(report)
            self._tell_conduct(session, now)
            self._see_to(session, now)
        self._answer(now)

    # ------------------------------------------------------------------------------- speaking
    def _see_to(self, session: RobotSession, now: datetime) -> None:
        if self._bus is None or not self._bus.connected:
            return  # what is due stays due
        for _ in range(_SAID_MAX):
            if (send := session.due(now, self._patience_s())) is None:
                return
            self._publish(session, send)

    def _answer(self, now: datetime) -> None:
        """Tell robots what they may have of the zones and corridors that they asked for."""
        if self._bus is None or not self._bus.connected:
            return
        leases, speed = self.leases, 1.0 / self._clock.real_s(1.0)
        leases.patience_s, leases.lease_s = ANSWER_S * speed, max(self._lease_s, LEASE_S * speed)
        barred = frozenset(n for n, s in self.sessions.items() if s.quarantine(now))
        answers: dict[str, list[Answer]] = {}
        for answer in leases.due(now, barred):
            answers.setdefault(answer.robot, []).append(answer)
        for name, mine in answers.items():
            self._publish(self.sessions[name], self.sessions[name].answers(mine, now))

    def _ask_all(self) -> None:
        for session in self.sessions.values():
            self._publish(session, session.questions(self._clock.now()))

    def _publish(self, session: RobotSession, send: Send) -> None:
        if self._bus is not None:
            robot = session.robot
            place = topic(
                robot.manufacturer,
                robot.serial,
                send.kind,
                major=send.major,
                interface=robot.interface,
            )
            self._bus.publish(place, send.body, qos=0)
            self._sent += 1
            if send.kind == "order":
                self._ordered_at.setdefault(robot.name, time.monotonic())

    def _tell_conduct(self, session: RobotSession, now: datetime, *, again: bool = False) -> None:
        if self._say is None or session.states == 0:
            return
        if (news := session.news_of_conduct(now, again=again)) is None:
            return
        if news.broken or news.quarantined:
            log.warning(
                "robot.conformance",
                robot=news.robot,
                score=news.score,
                broken=dict(news.broken),
                quarantined=news.quarantined,
            )
        self._say(news)

    def health(self) -> Mapping[str, float | int | str]:
        """How the fleet is, and which robot keeps worst to the standard."""
        now = self._clock.now()
        sessions = self.sessions.values()
        worst = min(sessions, key=lambda s: s.conduct.score, default=None)
        said: dict[str, float | int | str] = {
            "robots": len(sessions),
            "robots_connected": sum(s.connected for s in sessions),
            "robots_quarantined": sum(bool(s.quarantine(now)) for s in sessions),
            "states_total": sum(s.states for s in sessions),
            "sent_total": self._sent,
            "violations_total": sum(s.conduct.counts.total() for s in sessions),
            "zone_clashes_total": self.leases.clashes,
            "conformance_worst": worst.conduct.score if worst else 1.0,
        }
        if self._answers_s:
            said["answer_median_ms"] = 1e3 * statistics.median(self._answers_s)
        if worst is None or not worst.conduct.counts:
            return said
        rules = ", ".join(f"{rule} {count}" for rule, count in worst.conduct.counts.most_common(3))
        return {**said, "worst_robot": f"{worst.robot.name}: {rules}"}

    def _tell_again(self) -> None:
        if self._say is None or self._bus is None:
            return
        self._say(self._status())
        now, patience_s = self._clock.now(), self._patience_s()
        for session in self.sessions.values():
            if (report := session.report(now, patience_s)) is not None:
                self._say(report)
            self._tell_conduct(session, now, again=True)

    def _status(self) -> DeviceStatus:
        return DeviceStatus(at=self._clock.now(), device=self.name, status="UP")

    def _patience_s(self) -> float:
        return ANSWER_S / self._clock.real_s(1.0)
