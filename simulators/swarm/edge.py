"""The process beside the machines on virtual time: spool, stamps, fence and sessions are real.

What edge.agent, edge.uplink and edge.upkeep do with a bus and asyncio. It dies between any two
events, or between writing down what a device said and telling the device so.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pydantic_core import from_json

from edge.clock import CountedClock
from edge.drivers.vda5050 import RobotSession
from edge.drivers.vda5050_profile import Robot as RobotName
from edge.fence import Fence, term_of
from edge.messages import (
    CancelDrive,
    DeviceEvent,
    Divert,
    Drive,
    PauseRobot,
    ReleaseCarton,
    TellAgain,
    device_command,
    device_event,
    robot_report,
)
from edge.runs import next_run
from edge.spool import Mark, Spool, SpoolFull
from edge.stamp import put_right, stamped, to_edge_time
from simulators.swarm.disk import Disk
from simulators.swarm.pump import Pump
from simulators.swarm.timeline import MachineClock, Timeline

PATIENCE_S = 4.0
WATCH_S = 60.0


class Edge:
    """One life of the edge: from its start until it is dead."""

    def __init__(
        self,
        timeline: Timeline,
        clock: MachineClock,
        disk: Disk,
        robots: list[RobotName],
        boot: str,
    ) -> None:
        """Open what outlived the last life."""
        self.alive, self.dies_before_telling = True, False
        self._timeline, self._disk = timeline, disk
        self.clock = CountedClock(clock, boot=boot)
        with disk.writing():
            self.spool = Spool(disk.folder / "spool")
            self.run = next_run(disk.folder / "run", clock.now().timestamp())
        self.fence = Fence(disk.folder / "term")
        self.sessions = {robot.name: RobotSession(robot) for robot in robots}
        self._drives: set[str] = set()
        self._latest: dict[str, bytes] = {}
        self._numbers: Counter[str] = Counter()
        self._marks = self.spool.heard()
        self.pump: Pump | None = None
        self.report: Callable[[bytes], None] = lambda _body: None
        self.to_robot: Callable[[str, str, bytes], None] = lambda _name, _kind, _body: None
        self.to_plc: Callable[[ReleaseCarton | Divert], None] = lambda _command: None
        self.on_death: Callable[[], None] = lambda: None

    def begin(self) -> None:
        """It is connected: robots are asked how they are."""
        assert self.pump is not None
        self.pump.wake()
        for name, session in self.sessions.items():
            question = session.questions(self.clock.now())
            self.to_robot(name, question.kind, question.body)
        self._timeline.later(WATCH_S, self._watch)

    def die(self) -> None:
        """It is no more."""
        self.alive = False
        assert self.pump is not None
        self.pump.stop()
        self._disk.kill()
        self.spool.close()
        self.on_death()

    def hear_ack(self, body: bytes) -> None:
        """Somebody has taken over what we said."""
        if self.pump is not None:
            self.pump.hear_ack(body)

    # --------------------------------------------------------------------------- events
    def say(self, event: DeviceEvent, mark: Mark | None = None) -> bool:
        """Write an event down; whether its device may be told that it was heard."""
        if mark is not None and mark[2] <= self._marks.get(mark[:2], 0):
            return True
        clock = self.clock
        known = clock.shift_s if clock.quality != "UNKNOWN" else None
        body = device_event.dump_json(event)
        stamp = stamped(body, boot=clock.boot, up_s=clock.up_s(), shift_s=known)
        try:
            with self._disk.writing():
                self.spool.append([stamp], [] if mark is None else [mark])
        except SpoolFull:
            return False
        if mark is not None:
            self._marks[mark[:2]] = mark[2]
        if self.dies_before_telling:
            self.die()
            return False
        assert self.pump is not None
        self.pump.wake()
        return True

    # -------------------------------------------------------------------------- commands
    def hear_command(self, body: bytes) -> None:
        """A command of a WCS: obeyed if it leads, and if it is not too late."""
        if not self.alive:
            return
        said = from_json(body)
        command = device_command.validate_python(said)
        if self._disk.is_full or not self.fence.passes(term_of(said)):
            return
        if isinstance(command, TellAgain):
            for name in self._latest:
                self._report(name)
            return
        if isinstance(command, Drive) and command.run not in (0, self.run):
            return
        command = to_edge_time(command, self.clock.shift_s)
        expires_at: datetime | None = getattr(command, "expires_at", None)
        if expires_at is not None and self.clock.now() >= expires_at:
            return
        if isinstance(command, Drive | CancelDrive | PauseRobot):
            self._steer(command)
        elif isinstance(command, ReleaseCarton | Divert):
            self.to_plc(command)

    def _steer(self, command: Drive | CancelDrive | PauseRobot) -> None:
        session = self.sessions[command.robot]
        if isinstance(command, Drive):
            session.drive(command)
            self._drives.add(command.robot)
        elif isinstance(command, CancelDrive):
            session.cancel(command)
        else:
            session.pause(command)
        self._mind(command.robot)

    # ---------------------------------------------------------------------------- robots
    def hear_robot(self, name: str, kind: str, body: bytes) -> None:
        """A message of a robot."""
        if not self.alive:
            return
        if self.sessions[name].hear(kind, body, self.clock.now()):
            self._say_how_it_is(name)
        if kind == "connection":
            question = self.sessions[name].questions(self.clock.now())
            self.to_robot(name, question.kind, question.body)
        self._mind(name)

    def _say_how_it_is(self, name: str) -> None:
        session, now = self.sessions[name], self.clock.now()
        if (news := session.news_of_conduct(now)) is not None and not self.say(news):
            return
        if self.alive and (report := session.report(now, PATIENCE_S)) is not None:
            self._numbers[name] += 1
            report = replace(report, run=self.run, number=self._numbers[name])
            self._latest[name] = robot_report.dump_json(report)
            self._report(name)

    def _report(self, name: str) -> None:
        body = self._latest[name]
        if shift_s := self.clock.shift_s:
            body = robot_report.dump_json(
                robot_report.validate_python(put_right(from_json(body), shift_s))
            )
        self.report(body)

    def _mind(self, name: str) -> None:
        """Tell a robot what is due, and look again while it has not been seen to know it."""
        if not self.alive:
            return
        session = self.sessions[name]
        if (send := session.due(self.clock.now(), PATIENCE_S)) is not None:
            self.to_robot(name, send.kind, send.body)
            if name in self._drives and not session.has_drive:
                self._timeline.later(PATIENCE_S + 0.5, lambda: self._mind(name))

    def _watch(self) -> None:
        if not self.alive:
            return
        for name, session in self.sessions.items():
            if session.changed(self.clock.now(), PATIENCE_S):
                self._say_how_it_is(name)
            self._mind(name)
        if self.alive:
            self._timeline.later(WATCH_S, self._watch)
