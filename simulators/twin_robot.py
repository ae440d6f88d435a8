"""A robot of the twin: drives, lifts, charges, tires and fails on virtual time, without a wire.

    hear(command)      what the WCS tells it: drives are taken as VDA 5050 says, or not at all
    live(at)           its moment has come: a node, the end of an action, the end of a mishap
    due                when that is next; infinity while it waits to be told something
    report(at)         its state, in the words of the edge

It drives legs of a trapezium of speed (simulators.robot_motion), and past a node without stopping
if what is released beyond suffices to brake in. Mishaps are drawn: a leg at half speed, a stop
until people come, somebody in its way.

Laws:
    base only   it drives released nodes only, each once, in order
    same seed   the same commands at the same moments give the same life

Units: metres, radians, seconds (unix time for moments), shares of a battery.
Source: VDA 5050 2.1, orders and their updates; simulators.robot is the same with its wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from math import dist, inf, sqrt
from random import Random

from edge.messages import (
    ActionReport,
    CancelDrive,
    Drive,
    DriveAction,
    DriveNode,
    PauseRobot,
    RobotReport,
)
from simulators.robot_motion import Going, Leg, Motors, heading, plan, turn

ACTION_S: Mapping[str, float] = {"PICK": 8.0, "DROP": 8.0, "CHARGE_START": 2.0, "CHARGE_STOP": 2.0}
CHARGE_S = 3_600.0  # from empty to full
IDLE_DRAIN = 0.1  # of what driving takes
OVER = ("FINISHED", "FAILED")  # statuses of actions
_STRAIGHT_RAD = 0.2
_MOTORS = Motors()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishaps:
    """How often what goes wrong, by leg; how long it then takes, at most."""

    hindered: float = 0.05  # drives at half speed
    stopped: float = 0.0002  # stands with a fault until people come
    mended_s: float = 180.0


@dataclass(slots=True, kw_only=True)
class Robot:
    """One robot. Mutable, but without a clock or a wire."""

    name: str
    node: str
    x_m: float
    y_m: float
    rng: Random
    speed_mps: float = 1.5
    drive_s: float = 14_400.0
    mishaps: Mishaps = field(default_factory=Mishaps)
    heading_rad: float = 0.0
    sequence: int = 0
    mission: str = ""
    update: int = 0
    ahead: list[DriveNode] = field(default_factory=list)  # released; the first is driven to
    has_horizon: bool = False
    todo: list[DriveAction] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    loads: dict[str, str] = field(default_factory=dict)  # by slot; "": the only one
    battery: float = 1.0
    charging: bool = False
    paused: bool = False
    fault: str = ""
    is_blocked: bool = False  # somebody is in its way
    leg: Leg | None = None
    left_at: float = 0.0  # when it left `node`
    due: float = inf
    _is_between: bool = False  # it has left `node`
    since: float = 0.0  # the battery is as it was then
    moves: list[tuple[str, str, float, float]] = field(default_factory=list)  # from, to, when, when
    got: list[tuple[str, float]] = field(default_factory=list)  # nodes released to it, and when

    # ------------------------------------------------------------------------ hearing
    def hear(self, said: Drive | CancelDrive | PauseRobot, at: float) -> bool:
        """Take a command; whether anything has come of it."""
        if isinstance(said, PauseRobot):
            return self._pause(paused=said.paused, at=at)
        if isinstance(said, CancelDrive):
            return self._cancel(said, at)
        released = [node for node in said.nodes if node.released]
        if said.mission != self.mission:
            if self.ahead or self.todo or self.has_horizon or released[0].node != self.node:
                return False
            self.mission, self.sequence = said.mission, released[0].sequence
            self.statuses = {}
            self.todo = list(released[0].actions)
        elif said.update <= self.update or released[0].sequence != self.end:
            return False
        self.update, self.has_horizon = said.update, len(released) < len(said.nodes)
        self.ahead += released[1:]
        self.got += [(node.node, at) for node in released[1:]]
        for node in released:
            for action in node.actions:
                self.statuses.setdefault(action.action_id, "WAITING")
        self._tire(at)
        self._go_on(at)
        return True

    @property
    def load(self) -> str | None:
        """What it carries: the first, if it carries several."""
        return next(iter(self.loads.values()), None)

    @property
    def end(self) -> int:
        """The sequence of the last node that was released to it."""
        return self.ahead[-1].sequence if self.ahead else self.sequence

    def _pause(self, *, paused: bool, at: float) -> bool:
        if paused == self.paused:
            return False
        self._tire(at)
        self.paused = paused
        if paused and self.leg is not None:
            self.x_m, self.y_m, self.heading_rad, _ = self.leg.at(at)
            self.leg, self.due = None, inf
        self._go_on(at)
        return True

    def _cancel(self, said: CancelDrive, at: float) -> bool:
        """To the next node and no further."""
        if said.mission != self.mission:
            return False
        del self.ahead[1 if self.leg is not None else 0 :]
        if self.ahead:
            self.ahead[0] = DriveNode(
                node=self.ahead[0].node, sequence=self.ahead[0].sequence, released=True,
                x_m=self.ahead[0].x_m, y_m=self.ahead[0].y_m,
            )  # fmt: skip
        self.todo, self.has_horizon = self.todo[:1] if self._acts else [], False
        for id_, status in self.statuses.items():
            if status == "WAITING":
                self.statuses[id_] = "FAILED"
        self._look_ahead(at)
        return True

    @property
    def _acts(self) -> bool:
        return bool(self.todo) and self.statuses[self.todo[0].action_id] == "RUNNING"

    # ------------------------------------------------------------------------ living
    def wake(self, at: float) -> None:
        """Go on with what it has to do."""
        self._go_on(at)

    def live(self, at: float) -> None:
        """What was to happen now happens."""
        self._tire(at)
        self.due = inf
        if self.fault or self.is_blocked:
            self.fault, self.is_blocked = "", False
        elif self.leg is not None:
            self._arrive(self.leg)
        elif self._acts:
            self._acted(self.todo.pop(0))
        self._go_on(at)

    def _go_on(self, at: float) -> None:
        if self.leg is not None:
            self._look_ahead(at)
        elif self.due == inf and not self.paused and not self.fault:
            if self.todo:
                self.statuses[self.todo[0].action_id] = "RUNNING"
                self.due = at + ACTION_S[self.todo[0].kind]
            elif self.ahead:
                self._set_out(Going(at, (self.x_m, self.y_m), self.heading_rad, 0.0))

    def block(self, at: float, until: float) -> None:
        """Somebody is in its way: it stands until then."""
        if self.leg is not None:
            self.x_m, self.y_m, self.heading_rad, _ = self.leg.at(at)
            self.leg, self.is_blocked, self.due = None, True, until

    def _set_out(self, going: Going) -> None:
        if self.rng.random() < self.mishaps.stopped:
            self.fault = "drive: stopped"
            self.due = going.at + self.rng.uniform(0.3, 1.0) * self.mishaps.mended_s
            return
        if not self._is_between:
            self.left_at, self._is_between = going.at, True
        slow = self.rng.random() < self.mishaps.hindered
        self._drive(going, self.speed_mps * (0.5 if slow else 1.0))

    def _drive(self, going: Going, limit_mps: float) -> None:
        end = self.ahead[0].x_m, self.ahead[0].y_m
        self.leg = plan(going, end, (limit_mps, self._through_mps(going.place, end)), _MOTORS)
        self.due = self.leg.ends_at

    def _through_mps(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        """How fast it may pass the next node: what is released beyond suffices to stop in."""
        room_m, brake = 0.0, _MOTORS.accelerate_mps2
        enough_m = self.speed_mps**2 / (2 * brake)
        for here, after in pairwise(self.ahead):
            place = after.x_m, after.y_m
            bend = abs(turn(heading(start, end), heading(end, place)))
            if here.actions or bend > _STRAIGHT_RAD or room_m >= enough_m:
                break
            room_m += dist(end, place)
            start, end = end, place
        return min(self.speed_mps, sqrt(2 * brake * room_m))

    def _look_ahead(self, at: float) -> None:
        """What is released has changed: past the next node at speed, or not."""
        leg = self.leg
        if leg is not None and self.ahead:
            through_mps = self._through_mps(leg.start, leg.end)
            if abs(through_mps - leg.v1_mps) > 1e-9 and at < leg.ends_at:
                x_m, y_m, heading_rad, speed_mps = leg.at(at)
                self._drive(Going(at, (x_m, y_m), heading_rad, speed_mps), leg.limit_mps)

    def _arrive(self, leg: Leg) -> None:
        node = self.ahead.pop(0)
        self.moves.append((self.node, node.node, self.left_at, leg.ends_at))
        self._is_between = False
        self.node, self.sequence = node.node, node.sequence
        (self.x_m, self.y_m), self.heading_rad, self.leg = leg.end, leg.heading_rad, None
        self.todo += node.actions
        if leg.v1_mps > 0 and self.ahead and not self.todo and not self.paused:
            self.left_at, self._is_between = leg.ends_at, True
            self._drive(Going(leg.ends_at, leg.end, leg.heading_rad, leg.v1_mps), leg.limit_mps)

    def _acted(self, action: DriveAction) -> None:
        self.statuses[action.action_id] = "FINISHED"
        if action.kind == "PICK":
            self.loads[action.slot or ""] = action.load or "?"
        elif action.kind == "DROP":
            self.loads.pop(action.slot or "", None)
        else:
            self.charging = action.kind == "CHARGE_START"

    def _tire(self, at: float) -> None:
        passed_s, self.since = at - self.since, at
        if self.charging:
            self.battery = min(1.0, self.battery + passed_s / CHARGE_S)
        else:
            share = 1.0 if self.leg is not None else IDLE_DRAIN
            self.battery = max(0.0, self.battery - share * passed_s / self.drive_s)

    # ------------------------------------------------------------------------ telling
    def report(self, at: float) -> RobotReport:
        """Its state now."""
        place = (self.x_m, self.y_m, self.heading_rad)
        if self.leg is not None:
            place = self.leg.at(at)[:3]
        return RobotReport(
            at=datetime.fromtimestamp(at, UTC),
            robot=self.name,
            connected=True,
            operating_mode="AUTOMATIC",
            mission=self.mission,
            update=self.update,
            passed_node=self.node,
            passed_sequence=self.sequence,
            released_ahead=tuple([node.node for node in self.ahead]),
            driving=self.leg is not None,
            paused=self.paused,
            actions=tuple(
                [ActionReport(action_id=id_, status=s) for id_, s in self.statuses.items()]  # type: ignore[arg-type]
            ),
            load=self.load,
            more_loads=(*self.loads.values(),)[1:],
            battery=round(self.battery, 3),
            charging=self.charging,
            x_m=place[0],
            y_m=place[1],
            heading_rad=place[2],
            errors=(self.fault,) if self.fault else (),
        )
