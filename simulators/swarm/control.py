"""The process of the WCS on virtual time: the product's journal, intake and engine.

What wcs.runtime does with a bus and asyncio. It is killed in any of three ways: when a step is
taken and not written, when it is written and nothing of it was said, and amid what it says. It
dies by itself when its disk is full, or when another one has taken its journal over.
"""

import sqlite3
from collections.abc import Callable
from typing import Literal, TypeAlias

from edge.batches import encode_ack
from edge.fence import with_term
from edge.messages import DeviceStatus, RobotReport, TellAgain, device_command, robot_report
from simulators.swarm.disk import Disk
from simulators.swarm.pump import Pump
from simulators.swarm.timeline import MachineClock, Timeline
from wcs.engine import Engine, Started
from wcs.intake import Intake, Taken, answer
from wcs.journal import Journal, Superseded
from wcs.missions import unheard
from wcs.state import Outbox, to_json

Death: TypeAlias = Literal["", "before", "after", "half"]
SOON_S, BUSY_S, IDLE_S = 0.1, 10.0, 300.0


class Control:
    """One life of the WCS: from its start until it is dead."""

    def __init__(self, timeline: Timeline, clock: MachineClock, disk: Disk, site: str) -> None:
        """Open the journal; what was committed is taken up."""
        self.alive, self.death, self.steps = True, "", 0
        self.last_words: bytes = b""  # its state as it was last committed, once it is dead
        self._timeline, self._clock, self._disk = timeline, clock, disk
        with disk.writing():
            self.journal = Journal(disk.folder / "journal", site, takes_over=True)
        self.engine = Engine(self.journal.plant)
        with disk.writing():
            self.state = self.journal.state(self.engine, clock.now())
        self.began_as = to_json(self.state)
        self._intake = Intake(self.journal.positions)
        self._intake.put(Started())
        self._reports: dict[str, RobotReport] = {}
        self._step_at_s = float("inf")
        self.say: Callable[[bytes], None] = lambda _body: None  # to the edge
        self.acknowledge: Callable[[str, bytes], None] = lambda _to, _body: None
        self.pump: Pump | None = None
        self.on_death: Callable[[Control], None] = lambda _control: None

    # ------------------------------------------------------------------------- hearing
    def begin(self) -> None:
        """It is connected: it takes its first step, and asks everybody to tell again."""
        self._say(TellAgain())
        self._soon(SOON_S)

    def hear_stream(self, sender: str, body: bytes) -> None:
        """A batch from the edge or the office."""
        if self.alive and self._intake.hear(sender, body, self._clock.now()):
            self._soon(SOON_S)

    def hear_report(self, body: bytes) -> None:
        """What the edge says of a robot, live."""
        if self.alive:
            report = robot_report.validate_json(body)
            if (last := self._reports.get(report.robot)) and not report.follows(last):
                return
            self._reports[report.robot] = report
            self._soon(SOON_S)

    def hear_ack(self, body: bytes) -> None:
        """Somebody has taken over what we said."""
        if self.pump is not None:
            self.pump.hear_ack(body)

    def hear_presence(self, *, is_up: bool) -> None:
        """The broker says whether the edge is there."""
        if self.alive:
            status: Literal["UP", "DOWN"] = "UP" if is_up else "DOWN"
            now = self._clock.now()
            self._intake.put(DeviceStatus(at=now, device="edge.presence", status=status))
            self._soon(SOON_S)

    # ------------------------------------------------------------------------ stepping
    def _soon(self, seconds: float) -> None:
        at_s = self._timeline.now_s + seconds
        if at_s < self._step_at_s:
            self._step_at_s = at_s
            self._timeline.later(seconds, lambda: self._is_time(at_s))

    def _is_time(self, at_s: float) -> None:
        if self.alive and at_s == self._step_at_s:
            self._step_at_s = float("inf")
            self._step()
        if self.alive:
            self._soon(BUSY_S if self._is_busy() else IDLE_S)

    def _is_busy(self) -> bool:
        state = self.state
        return bool(
            state.transports
            or any(robot.goal is not None or not robot.shown for robot in state.robots.values())
            or any(waiting.tells < 3 for waiting in state.sorting.waiting.values())
            or any(gate.tags for gate in state.gates.values())
        )

    def _step(self) -> None:
        now = max(self._clock.now(), self.state.now)
        taken = self._intake.take()
        inbox = [*taken.inbox, *self._reports.values()]
        self._reports = {}
        committed = to_json(self.state) if self.death == "before" else b""
        outbox = self.engine.step(self.state, inbox, now)
        if self.death == "before":
            self.die(committed)
            return
        self.journal.sort_letters(taken.aside, taken.dug_up)
        try:
            with self._disk.writing():
                self.journal.write(now, inbox, outbox, taken.positions(), self.state)
        except (sqlite3.OperationalError, Superseded):
            self.die(b"")
            return
        self.steps += 1
        self._speak(outbox, taken)
        if self.death:
            self.die(to_json(self.state))

    def _speak(self, outbox: Outbox, taken: Taken) -> None:
        if self.death == "after":
            return
        commands = [*outbox.to_edge, *unheard(self.state)]
        half = len(commands) // 2 if self.death == "half" else len(commands)
        for command in commands[:half]:
            self._say(command)
        if self.death == "half":
            return
        for (sender, _epoch), ack in taken.acks.items():
            self.acknowledge(sender, encode_ack(answer(ack, self._clock.now())))
        if outbox.to_wms and self.pump is not None:
            self.pump.wake()

    def _say(self, command: object) -> None:
        self.say(with_term(device_command.dump_json(command), self.journal.term))  # type: ignore[arg-type]

    def die(self, committed: bytes) -> None:
        """It is no more; `committed`: the state that its journal must give back, if known."""
        self.alive, self.last_words = False, committed
        if self.pump is not None:
            self.pump.stop()
        self.journal.close()
        self.on_death(self)
