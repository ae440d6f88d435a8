"""A mobile robot that speaks VDA 5050 2.1: accepts orders by the book, drives, carries, drains.

    robot = Robot(build, body)
    robot.receive("order", body, now)       # bytes from the wire
    messages = robot.step(now)              # everything up to `now` has happened; what it says
    robot.next_event_at                     # when to step again, at the latest

Between two calls everything happens at its own moment: nodes are passed and actions end when
they do, not when somebody looks. Of several changes in one step one state message tells.

Laws:
    by the book   an order is taken or refused as figure 8 says, with the errors it names
    base only     it drives released nodes only, each once, and stands at the decision point
    one thing     a HARD action runs alone and standing, a SOFT one standing
    cancel        a cancelled order drives to the next node and no further; cancelOrder is
                  FINISHED when nothing moves; no update revives the order
    same seed     the same messages at the same moments give the same life

Source: VDA 5050 version 2.1.0, sections 6.6 to 6.12.
"""

import itertools
import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from edge.drivers.vda5050_model import Action, Edge, Error, ErrorReference, Node, Order
from edge.drivers.vda5050_wire import WireError, encode, parse_instant_actions, parse_order
from simulators.robot_body import (
    Body,
    Build,
    Doing,
    said_factsheet,
    said_state,
    used,
)
from simulators.robot_motion import Going, heading, plan, turn

_STRAIGHT_RAD = 0.2
_REACH_M = 0.3  # of the start of a new order, when it does not say
_ORDER_ERRORS = frozenset({"validationError", "orderError", "orderUpdateError", "noOrderToCancel"})
_QUESTIONS = frozenset({"stateRequest", "factsheetRequest"})


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the robot, by the name of its topic."""

    kind: Literal["state", "factsheet"]
    body: bytes


class Robot:
    """One robot. Mutable, but without a clock or a wire."""

    def __init__(self, build: Build, body: Body) -> None:
        self.build = build
        self.body = body
        self._has_news = True
        self._owes_factsheet = False

    @property
    def next_event_at(self) -> datetime:
        """When something happens by itself: a node, the end of an action, a regular state."""
        moments = [doing.ends_at for doing in self.body.running() if doing.ends_at is not None]
        if self.body.leg is not None:
            moments.append(self.body.leg.ends_at)
        moments.append(self.body.said_at + self.build.state_every_s)
        return datetime.fromtimestamp(min(moments), UTC)

    def speak_up(self) -> None:
        """Say the state at the next step, whatever has happened: somebody may have missed it."""
        self._has_news = True

    def step(self, now: datetime) -> list[Said]:
        """Live until `now`, and say what has changed."""
        at = now.timestamp()
        self._live_until(at)
        said: list[Said] = []
        if self._owes_factsheet:
            self._owes_factsheet = False
            said.append(Said("factsheet", encode(said_factsheet(self.build, self.body))))
        if self._has_news or at - self.body.said_at >= self.build.state_every_s:
            self._has_news = False
            self.body.said_at = at
            said.append(Said("state", encode(said_state(self.build, self.body))))
        return said

    def receive(self, kind: str, message: bytes, now: datetime) -> None:
        """Take a message from the wire in; what cannot be read is reported as an error."""
        self._live_until(now.timestamp())
        try:
            if kind == "order":
                self._take_order(parse_order(message))
            elif kind == "instantActions":
                for action in parse_instant_actions(message).actions:
                    self._take_instant(action)
        except WireError as error:
            self._refuse("validationError", str(error))
        self._go_on()

    # ------------------------------------------------------------------------ orders: figure 8
    def _take_order(self, order: Order) -> None:
        body = self.body
        if unknown := [a.actionType for a in _actions(order) if not self._can(a, order)]:
            self._refuse("orderError", f"cannot do {unknown[0]}", order)
        elif any(node.nodePosition is None for node in order.nodes[1:]):
            self._refuse("orderError", "a node without a position", order)
        elif order.orderId != body.order:
            if body.is_busy():
                self._refuse("orderError", "another order is under way", order)
            elif not self._is_near(order.nodes[0]):
                self._refuse("orderError", "the start is out of range", order)
            else:
                self._begin(order)
        elif order.orderUpdateId < body.update:
            self._refuse("orderUpdateError", "older than what is known", order)
        elif order.orderUpdateId > body.update:
            self._take_update(order)

    def _take_update(self, order: Order) -> None:
        body, first = self.body, order.nodes[0]
        joint = body.base_end if body.is_busy() else (body.last_node, body.last_sequence)
        if body.cancelled or body.cancels:
            self._refuse("orderUpdateError", "the order has been cancelled", order)
        elif (first.nodeId, first.sequenceId) != joint:
            self._refuse("orderUpdateError", f"does not continue from {joint[0]}", order)
        else:
            body.update = order.orderUpdateId
            horizon = {a.actionId for n in body.nodes if not n.released for a in n.actions}
            body.nodes = [node for node in body.nodes if node.released]
            body.edges = [edge for edge in body.edges if edge.released]
            body.actions = [d for d in body.actions if d.action.actionId not in horizon]
            self._append(order.nodes[1:], order.edges)
            self._look_ahead()

    def _begin(self, order: Order) -> None:
        body, first = self.body, order.nodes[0]
        body.order, body.update, body.cancelled = order.orderId, order.orderUpdateId, False
        body.last_node, body.last_sequence = first.nodeId, first.sequenceId
        body.base_end = (first.nodeId, first.sequenceId)
        body.nodes, body.edges, body.here = [], [], [a.actionId for a in first.actions]
        body.actions = [doing for doing in body.actions if not doing.is_done]
        body.actions += [Doing(action) for action in first.actions]
        self._append(order.nodes[1:], order.edges)

    def _append(self, nodes: tuple[Node, ...], edges: tuple[Edge, ...]) -> None:
        body = self.body
        body.nodes += nodes
        body.edges += edges
        body.actions += [Doing(action) for node in nodes for action in node.actions]
        released = [node for node in body.nodes if node.released]
        if released:
            body.base_end = (released[-1].nodeId, released[-1].sequenceId)
        body.errors = [error for error in body.errors if error.errorType not in _ORDER_ERRORS]
        self._has_news = True

    def _can(self, action: Action, order: Order) -> bool:
        on_edge = any(action in edge.actions for edge in order.edges)
        return not on_edge and self.build.duration_s(action.actionType) is not None

    def _is_near(self, node: Node) -> bool:
        place = node.nodePosition
        if place is None:
            return node.nodeId == self.body.last_node
        if place.mapId != self.build.map_id:
            return False
        away_m = math.dist((place.x, place.y), (self.body.x_m, self.body.y_m))
        return away_m <= max(place.allowedDeviationXY or 0.0, _REACH_M)

    def _refuse(self, kind: str, why: str, order: Order | None = None) -> None:
        about = {"orderId": order.orderId, "orderUpdateId": order.orderUpdateId} if order else {}
        self._fault(kind, why, {key: str(value) for key, value in about.items()})

    def _fault(self, kind: str, why: str, about: dict[str, str]) -> None:
        references = tuple(ErrorReference(referenceKey=k, referenceValue=about[k]) for k in about)
        error = Error(
            errorType=kind,
            errorLevel="WARNING",
            errorDescription=why,
            errorReferences=references,
        )
        self.body.errors = [e for e in self.body.errors if e.errorType != kind] + [error]
        self._has_news = True

    # -------------------------------------------------------------------------- instant actions
    def _take_instant(self, action: Action) -> None:
        body, kind = self.body, action.actionType
        known = {doing.action.actionId for doing in body.actions}
        if kind in _QUESTIONS:
            body.actions = [d for d in body.actions if d.action.actionType != kind]
        elif action.actionId in known:
            return
        doing = Doing(action, is_instant=True)
        body.actions.append(doing)
        self._has_news = True
        if kind in _QUESTIONS:
            self._owes_factsheet |= kind == "factsheetRequest"
            doing.status = "FINISHED"
        elif kind == "cancelOrder":
            self._cancel(doing)
        elif kind in ("startPause", "stopPause"):
            self._pause(paused=kind == "startPause")
            doing.status = "FINISHED"
        elif kind in ("startCharging", "stopCharging") and body.leg is None:
            body.here.append(action.actionId)
        else:
            doing.status, doing.result = "FAILED", "not possible here and now"

    def _cancel(self, doing: Doing) -> None:
        body = self.body
        others = [d for d in body.actions if d is not doing and not d.is_done]
        if not (body.nodes or body.leg or others):
            doing.status, doing.result = "FAILED", "no order"
            self._fault("noOrderToCancel", "there is no order", {"actionId": doing.action.actionId})
            return
        doing.status = "RUNNING"
        body.cancels.append(doing.action.actionId)
        for other in others:
            if other.status == "WAITING" and not other.is_instant:
                other.status, other.result = "FAILED", "cancelled"
        body.here = [i for i in body.here if not self._doing(i).is_done]
        body.nodes, body.edges = body.nodes[: 1 if body.leg else 0], body.edges[:1]
        self._look_ahead()

    def _pause(self, *, paused: bool) -> None:
        body = self.body
        body.paused = paused
        if paused and body.leg is not None:
            body.x_m, body.y_m, body.heading_rad, _speed = body.leg.at(body.at)
            body.leg = None

    # --------------------------------------------------------------------------------- living
    def _live_until(self, at: float) -> None:
        while (moment := self._next_happening()) is not None and moment <= at:
            self._pass_time(moment)
            if self.body.leg is not None and self.body.leg.ends_at <= moment:
                self._arrive()
            for doing in self.body.running():
                if doing.ends_at is not None and doing.ends_at <= moment:
                    self._finish(doing)
            self._has_news = True
            self._go_on()
        self._pass_time(at)

    def _next_happening(self) -> float | None:
        moments = [doing.ends_at for doing in self.body.running() if doing.ends_at is not None]
        if self.body.leg is not None:
            moments.append(self.body.leg.ends_at)
        return min(moments, default=None)

    def _pass_time(self, at: float) -> None:
        self.body.battery = used(self.build, self.body, at)
        self.body.at = max(at, self.body.at)

    def _go_on(self) -> None:
        """Begin whatever may begin now: actions, a leg, the end of a cancellation."""
        body = self.body
        self._begin_actions()
        stands = body.here or any(d.action.blockingType != "NONE" for d in body.running())
        if body.leg is None and body.cancels and not body.running():
            self._has_news = True
            body.nodes, body.edges, body.cancelled = [], [], True
            for action_id in body.cancels:
                self._doing(action_id).status = "FINISHED"
            body.cancels = []
        may_drive = body.leg is None and not body.paused and not stands and body.battery > 0.0
        if may_drive and body.nodes and body.nodes[0].released:
            self._has_news = True
            body.charging = False
            self._drive(Going(body.at, (body.x_m, body.y_m), body.heading_rad, 0.0))

    def _begin_actions(self) -> None:
        while self.body.here:
            doing, running = self._doing(self.body.here[0]), self.body.running()
            is_hard = doing.action.blockingType == "HARD"
            if running and (is_hard or any(d.action.blockingType == "HARD" for d in running)):
                return
            self.body.here.pop(0)
            spread = 0.8 + 0.4 * self._chance()
            duration_s = self.build.duration_s(doing.action.actionType) or 0.0
            doing.status, doing.ends_at = "RUNNING", self.body.at + spread * duration_s
            self._has_news = True

    def _doing(self, action_id: str) -> Doing:
        return next(doing for doing in self.body.actions if doing.action.actionId == action_id)

    # --------------------------------------------------------------------------------- driving
    def _drive(self, going: Going, *, limit_mps: float | None = None) -> None:
        body, build = self.body, self.build
        if limit_mps is None:
            hindered = self._chance() < build.hindered_share
            limit_mps = build.speed_mps * (0.2 + 0.5 * self._chance() if hindered else 1.0)
        end = _place(body.nodes[0])
        through_mps = self._through(going.place, end)
        body.leg = plan(going, end, (limit_mps, through_mps), build.motors)

    def _through(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        """The speed at which the next node may be passed: such that the base suffices to stop."""
        room_m, nodes = 0.0, self.body.nodes
        for here, after in itertools.pairwise(nodes):
            place = _place(after)
            bend = abs(turn(heading(start, end), heading(end, place)))
            if here.actions or not after.released or bend > _STRAIGHT_RAD:
                break
            room_m += math.dist(end, place)
            start, end = end, place
        brake = self.build.motors.accelerate_mps2
        return min(self.build.speed_mps, math.sqrt(2 * brake * room_m))

    def _look_ahead(self) -> None:
        """The base has changed: go on faster, or brake, from where the robot is."""
        leg, body = self.body.leg, self.body
        if leg is not None:
            x_m, y_m, heading_rad, speed_mps = leg.at(body.at)
            going = Going(body.at, (x_m, y_m), heading_rad, speed_mps)
            self._drive(going, limit_mps=leg.limit_mps)

    def _arrive(self) -> None:
        body, leg = self.body, self.body.leg
        assert leg is not None
        (body.x_m, body.y_m), body.heading_rad, body.leg = leg.end, leg.heading_rad, None
        node = body.nodes.pop(0)
        body.edges = body.edges[1:]
        body.last_node, body.last_sequence = node.nodeId, node.sequenceId
        body.here += [a.actionId for a in node.actions if not self._doing(a.actionId).is_done]
        straight_on = leg.v1_mps > 0 and body.nodes and body.nodes[0].released
        if straight_on and not body.here and not body.paused and not body.cancels:
            self._drive(Going(body.at, leg.end, leg.heading_rad, leg.v1_mps))

    # --------------------------------------------------------------------------------- actions
    def _finish(self, doing: Doing) -> None:
        body, kind = self.body, doing.action.actionType
        load = doing.action.parameter("loadId")
        wrong = self._is_wrong(kind, load)
        if wrong:
            doing.status, doing.result = "FAILED", wrong
            self._fault("actionError", wrong, {"actionId": doing.action.actionId})
            return
        doing.status = "FINISHED"
        if kind == "pick":
            body.load = str(load or "unknown")
        elif kind == "drop":
            body.load = None
        else:
            body.charging = kind == "startCharging"

    def _is_wrong(self, kind: str, load: object) -> str:
        body, build = self.body, self.build
        if kind == "pick" and body.load is not None:
            return "already loaded"
        if kind == "drop" and (body.load is None or load not in (None, body.load)):
            return "does not carry that"
        chargers = build.charge_nodes or {body.last_node}
        if kind == "startCharging" and body.last_node not in chargers:
            return "no charger here"
        return ""

    def _chance(self) -> float:
        self.body.draws += 1
        source = f"{self.build.seed}/{self.build.serial}/{self.body.draws}"
        return random.Random(source).random()


def _actions(order: Order) -> list[Action]:
    at_nodes = [action for node in order.nodes for action in node.actions]
    return at_nodes + [action for edge in order.edges for action in edge.actions]


def _place(node: Node) -> tuple[float, float]:
    assert node.nodePosition is not None  # or the order would have been refused
    return node.nodePosition.x, node.nodePosition.y
