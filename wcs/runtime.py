"""The shell round the engine: messages in, step, journal, messages out.

    edge ── events (stream) ──┐                               ┌──> acknowledgements
    edge ── reports (live) ───┼─> inbox ─> step ─> journal ─> ┼──> edge: commands (live)
    wms ─── orders (stream) ──┘         (one commit)          └──> wms: reports (stream)

A step is taken as soon as something has arrived, and at least every `TICK_S`. What arrives while
a step is being committed waits for the next one: the busier the site, the larger the batches.
Half a core is enough for any fleet: steps that have taken more of the last `CREDIT_S` are rested
after, and what waits is taken together. One long step, the look at all robots, makes nobody wait.

Laws:
    commit first   acknowledgements, commands and reports leave after the commit
    never held up  a message that makes no sense, or that the engine fails at, is a dead letter
                   (edge.dead, wcs.poison); what follows goes on
    once more      a Drive that its robot has not been seen to know is said again
    one leads      every command bears the term of its journal; whoever leads no more is ended by
                   its next commit (`Superseded`)
    thin           a report that says nothing new is kept for the picture but not journaled

`TICK_S`, `TELL_AGAIN_S`, `FRAME_EVERY_S` are real seconds; the state's times are the clock's.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from edge.clock import Clock
from edge.fence import with_term
from edge.messages import (
    DeviceStatus,
    RobotReport,
    TellAgain,
    device_command,
    robot_report,
)
from edge.mqtt import (
    Bus,
    Message,
    frame_topic,
    live_topic,
    presence,
    presence_topic,
    stream_ack_topic,
    stream_data_topic,
)
from edge.stream import SenderPump, encode_ack
from wcs import safety
from wcs.engine import Engine, Incoming, Started
from wcs.frame import site_picture
from wcs.intake import READERS, Intake, Taken, answer
from wcs.journal import Journal
from wcs.messages import site_frame
from wcs.missions import unheard
from wcs.poison import sift
from wcs.state import Outbox, State, from_json, to_json

log = structlog.get_logger(__name__)

TICK_S = 0.1
SHARE = 0.5  # of a core, at most, goes into steps
CREDIT_S, REST_MAX_S = 0.25, 0.05  # time that may be saved up for long steps; the longest rest
FRAME_EVERY_S = 0.1
FRAME_SHARE = 0.05  # of a core, at most, goes into pictures
TELL_AGAIN_S = 0.5
EDGE = "edge.presence"  # the device that is down while the edge is away
REPORT_EVERY_S = 15.0  # of the clock: a report without news is journaled that often
LETTERS_EVERY_S = 1.0  # how often it is looked whether letters are to be tried again


class Share:
    """How much of a core steps have had. Time that they did not take is theirs for `CREDIT_S`."""

    def __init__(self) -> None:
        self._paid_at_s = 0.0  # when the steps so far will have had no more than their share

    def owed_s(self, cpu_s: float, now_s: float) -> float:
        """How long to rest after a step that took so much; none is owed if it is not positive."""
        self._paid_at_s = max(self._paid_at_s, now_s - CREDIT_S) + cpu_s / SHARE
        return self._paid_at_s - now_s


class Runtime:
    """One site's WCS on a bus. `run` until cancelled."""

    def __init__(self, journal: Journal, bus: Bus, clock: Clock) -> None:
        self.engine = Engine(journal.plant)
        self.state: State = journal.state(self.engine, clock.now())
        self.reports: dict[str, RobotReport] = {}
        self.steps = 0
        self._journal, self._bus, self._clock = journal, bus, clock
        self._site = journal.plant.site.code
        self._intake = Intake(journal.positions)
        self._intake.put(Started())
        self._fresh_reports: dict[str, RobotReport] = {}
        self._taken_reports: dict[str, RobotReport] = {}
        self._told: dict[str, tuple[str, int, float]] = {}  # robot -> mission, update, when
        self._more = asyncio.Event()
        self._frame_at_s = self._letters_at_s = 0.0
        self._cpu_s = 0.0  # of the last step
        self._share = Share()
        self._ahead: dict[str, tuple[tuple[object, ...], list[str]]] = {}
        self._pump = SenderPump(
            bus,
            journal,
            data_topic=stream_data_topic(self._site, "wcs", "wms"),
            ack_topic=stream_ack_topic(self._site, "wcs", "wms"),
        )

    async def run(self) -> None:
        """Listen, step and speak until cancelled."""
        for sender in READERS:
            topic = stream_data_topic(self._site, sender, "wcs")
            self._bus.subscribe(topic, qos=0, handler=self._stream_handler(sender))
        self._bus.subscribe(live_topic(self._site, "edge"), qos=0, handler=self._on_report)
        self._bus.subscribe(presence_topic(self._site, "edge"), handler=self._on_presence)
        self._bus.on_connect(self._on_connect)
        log.info("wcs.started", site=self._site, transports=len(self.state.transports))
        pump = asyncio.create_task(self._pump.run())
        try:
            while True:
                await self._step()
                if (rest_s := self._share.owed_s(self._cpu_s, time.monotonic())) > 0:
                    await asyncio.sleep(min(rest_s, REST_MAX_S))
                await self._wait()
                if pump.done():
                    pump.result()
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    # -------------------------------------------------------------------------- hearing
    def _stream_handler(self, sender: str) -> Callable[[Message], None]:
        def hear(message: Message) -> None:
            if self._intake.hear(sender, message.body, self._clock.now()):
                self._more.set()

        return hear

    def _on_report(self, message: Message) -> None:
        try:
            report = robot_report.validate_json(message.body)
        except ValidationError as error:
            log.warning("report.refused", problem=str(error))
            return
        last = self.reports.get(report.robot)
        if last is not None and report.run and not report.follows(last):
            return
        self.reports[report.robot] = report
        if _is_news(self._taken_reports.get(report.robot), report):
            self._taken_reports[report.robot] = report
            self._fresh_reports[report.robot] = report
            self._more.set()

    def _on_presence(self, message: Message) -> None:
        """The edge has come, gone, or vanished: then the broker says its last will."""
        if not message.body:
            return  # somebody took the retained word away
        is_up = message.body == presence(is_up=True)
        detail = "" if is_up else "it does not run, or has no connection to the broker"
        status = DeviceStatus(
            at=self._clock.now(), device=EDGE, status="UP" if is_up else "DOWN", detail=detail
        )
        self._intake.put(status)
        self._more.set()

    def _on_connect(self) -> None:
        self._taken_reports.clear()
        self._say(TellAgain())

    async def _wait(self) -> None:
        if self._intake.waiting or self._fresh_reports:
            await asyncio.sleep(0)
            return
        self._more.clear()
        try:
            async with asyncio.timeout(TICK_S):
                await self._more.wait()
        except TimeoutError:
            return

    # -------------------------------------------------------------------------- stepping
    async def _step(self) -> None:
        now = max(self._clock.now(), self.state.now)
        if time.monotonic() >= self._letters_at_s:
            self._letters_at_s = time.monotonic() + LETTERS_EVERY_S
            self._intake.look(*self._journal.letters_again(), now)
        taken = self._intake.take()
        inbox = [*taken.inbox, *self._fresh_reports.values()]
        self._fresh_reports = {}
        began_s = time.thread_time()
        try:
            outbox = self.engine.step(self.state, inbox, now)
        except Exception:
            log.exception("step.failed", messages=len(inbox))
            inbox, outbox = self._without_poison(taken, inbox, now)
        self._cpu_s = time.thread_time() - began_s
        self._journal.sort_letters(taken.aside, taken.dug_up)
        await asyncio.to_thread(
            self._journal.write, now, inbox, outbox, taken.positions(), self.state
        )
        self.steps += 1
        self._speak(outbox, taken)

    def _without_poison(
        self, taken: Taken, inbox: list[Incoming], now: datetime
    ) -> tuple[list[Incoming], Outbox]:
        """The step once more, from the state before it, without what the engine cannot bear."""
        before = to_json(self._journal.state(self.engine, now))
        kept, faults = sift(self.engine, before, inbox, now)
        for place, problem in faults.items():
            taken.set_aside(place, inbox[place], problem, now)
        self.state = from_json(before)
        sound = [inbox[place] for place in kept]
        return sound, self.engine.step(self.state, sound, now)

    def _speak(self, outbox: Outbox, taken: Taken) -> None:
        for (sender, _epoch), ack in taken.acks.items():
            topic = stream_ack_topic(self._site, sender, "wcs")
            self._bus.publish(topic, encode_ack(answer(ack, self._clock.now())), qos=0)
        if outbox.to_wms:
            self._pump.wake()
        for command in outbox.to_edge:
            self._say(command)
        self._tell_again()
        now_s = time.monotonic()
        if now_s >= self._frame_at_s:
            began_s = time.thread_time()
            picture = site_picture(
                self.state, self.engine.routes, self.reports, self._clock.now(), self._ahead
            )
            body = site_frame.dump_json(picture)
            self._bus.publish(frame_topic(self._site), body, qos=0, retain=True)
            took_s = time.thread_time() - began_s
            self._frame_at_s = now_s + max(FRAME_EVERY_S, took_s / FRAME_SHARE)

    def _say(self, command: Any) -> None:
        body = with_term(device_command.dump_json(command), self._journal.term)
        self._bus.publish(live_topic(self._site, "wcs"), body, qos=0)

    def _tell_again(self) -> None:
        """Say again what robots have not been seen to know for a while."""
        now_s = time.monotonic()
        for drive in unheard(self.state):
            if self.state.stops and safety.holds(
                self.state, self.engine.plant, self.state.robots[drive.robot]
            ):
                continue  # somebody has pressed an emergency stop
            mission, update, told_s = self._told.get(drive.robot, ("", 0, 0.0))
            if (mission, update) != (drive.mission, drive.update):
                self._told[drive.robot] = (drive.mission, drive.update, now_s)
            elif now_s - told_s >= TELL_AGAIN_S:
                self._told[drive.robot] = (drive.mission, drive.update, now_s)
                self._say(drive)


def _is_news(before: RobotReport | None, report: RobotReport) -> bool:
    """Whether the engine might decide differently after this report."""
    if before is None or (report.at - before.at).total_seconds() >= REPORT_EVERY_S:
        return True
    return _gist(before) != _gist(report)


def _gist(report: RobotReport) -> tuple[object, ...]:
    return (
        report.connected,
        report.operating_mode,
        report.mission,
        report.update,
        report.passed_node,
        report.passed_sequence,
        report.paused,
        report.actions,
        report.load,
        report.more_loads,
        report.charging,
        round(report.battery, 1),
        report.errors,
        report.lost,
        report.run,
        report.driving,
        report.released_ahead,
    )
